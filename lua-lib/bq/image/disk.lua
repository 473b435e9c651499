-- What a system or a command line says of a disk: checks, defaults, sizes in bytes, the mount table. All mistakes are found at
-- once, without looking at any file.
local attributes = require "bq.run.attributes"
local fail = require "bq.fail"
local nearest = require "bq.nearest"
local tables = require "bq.tables"

local disk = {}

local MIB <const> = 1 << 20
local UNITS <const> = { [""] = 1, K = 1 << 10, M = MIB, G = 1 << 30, T = 1 << 40 }
-- The most bytes of a label: ext4's superblock has 16 for it, FAT 11 (and only these characters).
local LABELS <const> = { ext4 = 16, fat32 = 11 }
-- The least that a file system needs: FAT32 has at least 65,525 clusters; an ext4 holds a journal.
local LEAST <const> = { ext4 = 8 * MIB, fat32 = 34 * MIB }
local DEFAULT_LABEL <const> = "bq"
local FILESYSTEMS <const> = { "ext4", "fat32" }
local ROOTS <const> = { "ext4", "squashfs" }
-- Names of partitions that every disk has, or that are made of other fields, in small letters.
local TAKEN <const> = { efi = true, root = true, swap = true }
-- Folders that cannot be a partition: init is in them, or mounts something there itself.
local NO_MOUNT <const> = {}
for _, folder in ipairs { "", "bin", "boot", "dev", "etc", "lib", "proc", "run", "sbin", "sys", "tmp", "usr" } do
  NO_MOUNT["/" .. folder] = true
end

--- The number of bytes that a text such as `4G` means, in whole sectors; `nil` if it is no size.
---@param text any
---@return integer?
function disk.size(text)
  local number, unit = tostring(text):upper():match "^(%d+)([KMGT]?)I?B?$"
  local size = number and math.tointeger(tonumber(number)) and math.tointeger(tonumber(number)) * UNITS[unit]
  if type(text) == "string" and size and size > 0 and size <= 1 << 50 then
    return size // 512 * 512
  end
end

local function align(bytes)
  return (bytes + MIB - 1) // MIB * MIB
end

--- Adds a line for each field that is not known or of a wrong type. A check returns what is wrong.
---@param at string
---@param value table
---@param checks table<string, fun(value: any): string?>
---@param out string[]
local function look(at, value, checks, out)
  for name, item in tables.sorted(value) do
    local near = not checks[name] and nearest(tostring(name), checks)
    local wrong
    if checks[name] then
      wrong = checks[name](item)
    else
      wrong = "is unknown" .. (near and ("; did you mean `%s`?"):format(near) or "")
    end
    out[#out + 1] = wrong and ("`%s.%s` %s"):format(at, name, wrong) or nil
  end
end

local function one_of(known)
  return function(value)
    return not tables.contains(known, value) and "is not " .. table.concat(known, " or ") or nil
  end
end

local function is_size(value)
  return not disk.size(value) and "is not a size such as `900M` or `4G`" or nil
end

local function is_flag(value)
  return type(value) ~= "boolean" and "is not true or false" or nil
end

local function is_list(value)
  return (type(value) ~= "table" or #value == 0 and next(value) ~= nil) and "is not a list" or nil
end

local function is_label(most)
  return function(value)
    if type(value) ~= "string" or not value:find "^[%w_.+-]+$" then
      return "is not a text of letters, digits and `_.+-`"
    end
    return #value > most and ("is longer than %d bytes"):format(most) or nil
  end
end

local function is_mount(value)
  if type(value) ~= "string" or not value:find "^/[^%s]*$" or value:find "//" or value:find "/%.%.?/" then
    return "is not an absolute path without spaces"
  elseif NO_MOUNT[value] or value:find "/$" or value:find "/%.%.?$" then
    return "cannot be a partition of its own"
  end
end

local function is_options(value)
  local wrong = is_list(value)
  for _, option in ipairs(wrong and {} or value) do
    wrong = wrong
      or (type(option) ~= "string" or not option:find "^[%w=:.,_-]+$") and "is not a list of options of mount(8)"
  end
  return wrong or nil
end

local LAYOUT <const> = {
  size = is_size,
  label = is_label(LABELS.ext4),
  root = one_of(ROOTS),
  root_size = is_size,
  swap = is_size,
  grow = is_flag,
  partitions = is_list,
}
local PARTITION <const> = {
  mount = is_mount,
  size = function(value)
    return value ~= "rest" and is_size(value) and "is not a size such as `900M`, or `rest`" or nil
  end,
  name = is_label(36),
  filesystem = one_of(FILESYSTEMS),
  options = is_options,
  owner = function(value)
    return (type(value) ~= "string" or not attributes.owner(value)) and "is not of the form `user:group`" or nil
  end,
  mode = function(value)
    local is_mode = type(value) == "string" and value:find "^[0-7][0-7][0-7][0-7]?$"
    return not is_mode and "is not a mode such as `0750`" or nil
  end,
}

--- The name of a partition, and the label of its file system.
local function name_of(one)
  local name = one.name or tostring(one.mount):gsub("^/", ""):gsub("/", "-")
  return one.filesystem == "fat32" and name:upper() or name
end

--- The mistakes of one partition. `seen`: what those before it took.
local function partition_problems(at, one, seen, out)
  if type(one) ~= "table" then
    out[#out + 1] = ("`%s` is not a table"):format(at)
    return
  end
  local before = #out
  look(at, one, PARTITION, out)
  for _, field in ipairs { "mount", "size" } do
    out[#out + 1] = one[field] == nil and ("`%s.%s` is missing"):format(at, field) or nil
  end
  if #out > before then
    return
  end
  local name, filesystem = name_of(one), one.filesystem or "ext4"
  local function say(text, ...)
    out[#out + 1] = ("`%s` "):format(at) .. text:format(...)
  end
  if TAKEN[name:lower()] then
    say("has the name `%s`, which another partition of each disk has", name)
  elseif #name > LABELS[filesystem] then
    say(
      "has the name `%s`, but a label of %s has at most %d bytes: give it a `name`",
      name,
      filesystem,
      LABELS[filesystem]
    )
  elseif filesystem == "fat32" and not name:find "^[%u%d_-]+$" then
    say("has the name `%s`, which FAT cannot have: give it a `name` of letters and digits", name)
  end
  if filesystem == "fat32" and (one.owner or one.mode) then
    say "has an `owner` or a `mode`, and FAT keeps none; `options` of mount(8) say them: `uid=1000`, `umask=027`"
  end
  for _, field in ipairs { "mount", "name" } do
    local value = field == "name" and name:lower() or one.mount
    if seen[field][value] then
      say("has the same %s as `%s`", field == "name" and "name" or "mount point", seen[field][value])
    end
    seen[field][value] = at
  end
  if one.size == "rest" then
    if seen.rest then
      say("takes the rest, and so does `%s`", seen.rest)
    end
    seen.rest, seen.rest_filesystem = at, filesystem
  elseif disk.size(one.size) < LEAST[filesystem] then
    say("has %s, but %s needs at least %dM", one.size, filesystem, LEAST[filesystem] // MIB)
  end
end

--- Everything that is wrong with what is said of a disk, a line each: empty if nothing is.
---@param layout any
---@param at? string what it is called; `disk` if absent
---@return string[]
function disk.problems(layout, at)
  at = at or "disk"
  if type(layout) ~= "table" then
    return { ("`%s` is not a table"):format(at) }
  end
  local out, seen = {}, { mount = {}, name = {} }
  look(at, layout, LAYOUT, out)
  local partitions = is_list(layout.partitions) and {} or layout.partitions
  for index, one in ipairs(partitions) do
    partition_problems(("%s.partitions[%d]"):format(at, index), one, seen, out)
  end
  if #out > 0 then
    return out
  end
  local size = layout.size and disk.size(layout.size)
  local fixed = (layout.root_size and align(disk.size(layout.root_size)) or 0)
    + (layout.swap and align(disk.size(layout.swap)) or 0)
  for _, one in ipairs(partitions) do
    fixed = fixed + (one.size == "rest" and 0 or align(disk.size(one.size)))
  end
  if seen.rest and not size then
    out[#out + 1] = ("`%s` takes the rest, but `%s.size` is missing"):format(seen.rest, at)
  elseif size and fixed > size then
    local text = "the partitions of `%s` have %d MiB, the disk has %d MiB"
    out[#out + 1] = text:format(at, fixed // MIB, size // MIB)
  end
  local label = layout.label or DEFAULT_LABEL
  if seen.name[label:lower()] then
    out[#out + 1] = ("`%s` has the name `%s`, which is the label of the root"):format(seen.name[label:lower()], label)
  end
  local last = seen.rest and (seen.rest_filesystem or "ext4") or layout.root or "ext4"
  if layout.grow and last ~= "ext4" then
    out[#out + 1] = ("`%s.grow`: the last partition is a %s, which cannot grow"):format(at, last)
  end
  return out
end

---@class bq.image.Slice a partition that is no EFI partition and no root
---@field name string
---@field mount? string
---@field size? integer bytes; absent: the rest
---@field filesystem "ext4"|"fat32"|"swap"
---@field options string[]

---@class bq.image.Wish what is said of a disk, in bytes, with defaults
---@field size? integer
---@field label string
---@field root "ext4"|"squashfs"
---@field root_size? integer
---@field grow boolean
---@field slices bq.image.Slice[] as they lie on the disk; the one that takes the rest comes last

--- What is said of a disk, with defaults. Raises if something is wrong.
---@param layout? bq.DiskLayout
---@return bq.image.Wish
function disk.wish(layout)
  layout = layout or {}
  local problems = disk.problems(layout)
  if #problems > 0 then
    fail.raise("the disk cannot be as it is described", { notes = problems })
  end
  local slices, rest = {}, nil
  if layout.swap then
    slices[1] = { name = "swap", size = align(disk.size(layout.swap)), filesystem = "swap", options = {} }
  end
  for _, one in ipairs(layout.partitions or {}) do
    local slice = {
      name = name_of(one),
      mount = one.mount,
      size = one.size ~= "rest" and align(disk.size(one.size)) or nil,
      filesystem = one.filesystem or "ext4",
      options = one.options or {},
    }
    if slice.size then
      slices[#slices + 1] = slice
    else
      rest = slice
    end
  end
  slices[#slices + 1] = rest
  return {
    size = layout.size and disk.size(layout.size),
    label = layout.label or DEFAULT_LABEL,
    root = layout.root or "ext4",
    root_size = layout.root_size and align(disk.size(layout.root_size)),
    grow = layout.grow or false,
    slices = slices,
  }
end

--- The lines of /etc/fstab, see fstab(5). Partitions are found by their labels, so that a new root finds the data of an old one.
---@param wish bq.image.Wish
---@return string? text `nil` if there is nothing to mount
function disk.fstab(wish)
  local lines, by_mount = {}, {}
  for _, slice in ipairs(wish.slices) do
    if slice.filesystem == "swap" then
      lines[1] = ("LABEL=%s none swap sw 0 0"):format(slice.name)
    else
      by_mount[slice.mount] = slice
    end
  end
  -- A mount point comes before those below it.
  for mount, slice in tables.sorted(by_mount) do
    local kind = slice.filesystem == "fat32" and "vfat" or slice.filesystem
    local options = #slice.options > 0 and table.concat(slice.options, ",") or "defaults"
    lines[#lines + 1] = ("LABEL=%s %s %s %s 0 2"):format(slice.name, mount, kind, options)
  end
  return #lines > 0 and table.concat(lines, "\n") .. "\n" or nil
end

return disk
