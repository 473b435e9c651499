-- Compares two disks: their partitions, what their file systems say of themselves, and the files on them. Formats of superblocks:
-- ext4: the kernel's Documentation/filesystems/ext4/super.rst; squashfs: its Documentation/filesystems/squashfs.rst and fs/squashfs.
local cause = require "bq.diff.cause"
local entries = require "bq.diff.entries"
local hex = require "bq.hex"
local masks = require "bq.diff.masks"
local node = require "bq.diff.node"
local side = require "bq.diff.side"

local disks = {}

---@class bq.diff.Super where a file system says something of itself, in bytes of it
---@field start integer
---@field times [integer, string][] the places of numbers of four bytes, seconds since 1970
---@field ids [integer, string, integer][] their places, and how many bytes they have

---@type table<string, bq.diff.Super>
local SUPERS <const> = {
  ext4 = {
    start = 1024,
    times = {
      { 0x2C, "the time of its last mount" },
      { 0x30, "the time of its last write" },
      { 0x40, "the time of its last check" },
      { 0x108, "the time it was made" },
    },
    ids = { { 0xEC, "the seed of its hashes", 16 } },
  },
  -- FAT12 and FAT16: the boot sector of Microsoft's FAT specification; that of FAT32 is read as the id.
  fat = { start = 0, times = {}, ids = { { 0x27, "the id of the volume", 4 } } },
  squashfs = { start = 0, times = { { 8, "the time it was made" } }, ids = {} },
}
local SUPER_SIZE <const>, BLOCK <const> = 1024, 1 << 20
-- Fields of a partition or a file system that name it and mean nothing else.
local IDENTIFIERS <const> = { id = true, guid = true }

local function say(part, field, ours, theirs)
  if ours == theirs then
    return
  end
  part:fact(("%s %s → %s"):format(field, tostring(ours), tostring(theirs)))
  if IDENTIFIERS[field] and ours and theirs then
    part:because { cause.sure(masks.IDENTIFIER, ("the field `%s`"):format(field)) }
  else
    part.open = true
  end
end

--- The first block of a file system with zeros where it speaks of itself.
local function without(form, block)
  local function hide(at, size)
    block = block:sub(1, at) .. ("\0"):rep(size) .. block:sub(at + size + 1)
  end
  for _, field in ipairs(form.times) do
    hide(form.start + field[1], 4)
  end
  for _, field in ipairs(form.ids) do
    hide(form.start + field[1], field[3])
  end
  return block
end

local function super(path, start)
  local file <close> = assert(io.open(path, "rb"))
  return file:seek("set", start) and file:read(SUPER_SIZE) or ""
end

--- What two file systems of a form say of themselves.
local function compare_supers(part, form, a, b)
  local ours, theirs = super(a.name, a.start + form.start), super(b.name, b.start + form.start)
  if #ours < SUPER_SIZE or #theirs < SUPER_SIZE then
    return
  end
  for _, field in ipairs(form.times) do
    local at, what = field[1], field[2]
    local from, to = ("<I4"):unpack(ours, at + 1), ("<I4"):unpack(theirs, at + 1)
    if from ~= to then
      local said = ("%s: %s → %s"):format(what, cause.date(from), cause.date(to))
      part:fact(said)
      part:because { cause.sure("a time", said) }
    end
  end
  for _, field in ipairs(form.ids) do
    local at, what = field[1], field[2]
    local from, to = ours:sub(at + 1, at + field[3]), theirs:sub(at + 1, at + field[3])
    if from ~= to then
      part:fact(("%s: %s → %s"):format(what, hex(from), hex(to)))
      part:because { cause.sure(masks.IDENTIFIER, what) }
    end
  end
end

--- Whether two file systems that cannot be read have the same bytes beside what they say of themselves.
local function is_same_beside(form, a, b)
  if a.size ~= b.size then
    return false
  end
  local one <close> = assert(io.open(a.name, "rb"))
  local other <close> = assert(io.open(b.name, "rb"))
  local left = a.size
  one:seek("set", a.start)
  other:seek("set", b.start)
  for at = 0, a.size - 1, BLOCK do
    local ours, theirs = one:read(math.min(BLOCK, left)) or "", other:read(math.min(BLOCK, left)) or ""
    if at == 0 then
      ours, theirs = without(form, ours), without(form, theirs)
    end
    if ours ~= theirs then
      return false
    end
    left = left - BLOCK
  end
  return true
end

--- Compares two file systems: a partition each, or the whole disk.
local function compare_filesystems(session, part, one, other, a, b, look)
  for _, field in ipairs { "name", "type", "guid", "start", "size", "filesystem", "label", "id", "problem" } do
    say(part, field, one[field], other[field])
  end
  if not one.filesystem or one.filesystem ~= other.filesystem then
    return
  end
  local from = { name = a.name, start = one.start or 0, size = one.size }
  local to = { name = b.name, start = other.start or 0, size = other.size }
  -- Only a raw disk has its bytes at their places.
  local form = a.disk.format == "raw" and b.disk.format == "raw" and SUPERS[one.filesystem] or nil
  if form then
    compare_supers(part, form, from, to)
  end
  local is_read = one.filesystem == "ext4" or one.filesystem == "fat32"
  if is_read and not (one.problem or other.problem) then
    local ours, theirs = side.partition(session, a.name, one.index), side.partition(session, b.name, other.index)
    entries.compare(part, ours, theirs, look, true)
  elseif not (form and is_same_beside(form, from, to)) then
    part:fact(("its files are not compared: %s cannot be read"):format(one.filesystem))
    part.open = true
  end
end

--- Compares two disks whose bytes differ.
---@param session bq.diff.Session
---@param top bq.diff.Node changed
---@param a { name: string, disk: bq.image.Info } name: a path
---@param b { name: string, disk: bq.image.Info }
---@param look fun(node: bq.diff.Node, a: string, b: string) compares two files, into a node
function disks.compare(session, top, a, b, look)
  say(top, "format", a.disk.format, b.disk.format)
  say(top, "compression", a.disk.compression, b.disk.compression)
  say(top, "guid", a.disk.disk_guid, b.disk.disk_guid)
  say(top, "partitions", #a.disk.partitions, #b.disk.partitions)
  if #a.disk.partitions + #b.disk.partitions == 0 then
    compare_filesystems(session, top, a.disk, b.disk, a, b, look)
  else
    say(top, "size", a.disk.size, b.disk.size)
  end
  for index = 1, math.min(#a.disk.partitions, #b.disk.partitions) do
    local one, other = a.disk.partitions[index], b.disk.partitions[index]
    local part = node.new(("partition %d (%s)"):format(index, one.name))
    compare_filesystems(session, part, one, other, a, b, look)
    if not part:is_empty() then
      top:add(part)
    end
  end
  if top:is_empty() then
    top:fact "the files and partitions are the same; the disks differ beside them"
    top.open = true
  end
end

return disks
