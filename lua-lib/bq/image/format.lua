-- The formats of an image: what each is, and what it cannot hold.
local fail = require "bq.fail"
local tables = require "bq.tables"

local format = {}

---@class bq.image.Format
---@field endings string[] of file names that mean it
---@field about string
---@field disk? boolean it has partitions
---@field boots? boolean it starts by an init, so the files of the init are in it
---@field kernel? boolean it has a kernel
---@field compression? "gzip"|"zstd" of an archive

-- A first root: the kernel's Documentation/filesystems/ramfs-rootfs-initramfs.rst.
---@type table<string, bq.image.Format>
format.KINDS = {
  qcow2 = { endings = { ".qcow2" }, about = "a disk, compressed", disk = true, boots = true, kernel = true },
  raw = { endings = { ".raw", ".img" }, about = "a disk, with holes", disk = true, boots = true, kernel = true },
  efi = { endings = { ".efi" }, about = "one EFI program", boots = true, kernel = true, compression = "zstd" },
  initramfs = { endings = { ".cpio.zst" }, about = "a first root", boots = true, compression = "zstd" },
  oci = { endings = { ".oci.tar", ".oci" }, about = "a container image", compression = "gzip" },
  ["tar.gz"] = { endings = { ".tar.gz", ".tgz" }, about = "a tar of the root", compression = "gzip" },
  ["tar.zst"] = { endings = { ".tar.zst" }, about = "a tar of the root", compression = "zstd" },
}

-- How many paths a message names.
local MAX_SHOWN <const> = 20
-- The kernel's unpacker of a first root, and FAT.
local MAX_FILE <const> = (1 << 32) - 1

--- The names of all formats, sorted.
---@return string[]
function format.names()
  return tables.names(format.KINDS)
end

--- The format that the name of a file means; `nil` if it means none. The longest ending counts.
---@param path string
---@return string?
function format.of_name(path)
  local found, longest = nil, 0
  for name, kind in pairs(format.KINDS) do
    for _, ending in ipairs(kind.endings) do
      if path:sub(-#ending) == ending and #ending > longest then
        found, longest = name, #ending
      end
    end
  end
  return found
end

--- The name of the output, if none is given.
---@param name string of the format
---@return string
function format.output(name)
  local kind = format.KINDS[name]
  return (kind.disk and "disk" or "root") .. kind.endings[1]
end

--- Raises if a disk is described, and the format is none.
---@param name string of the format
---@param wish bq.image.Wish
---@param without_partitions? boolean whether the command line says that there are to be none
function format.refuse_disk(name, wish, without_partitions)
  if without_partitions and format.KINDS[name].disk then
    fail.usage(("`--without-partitions` says nothing for format `%s`"):format(name))
  elseif without_partitions or format.KINDS[name].disk or #wish.slices == 0 then
    return
  end
  local lines = {}
  for index, slice in ipairs(wish.slices) do
    lines[index] = ("  %s%s"):format(slice.name, slice.mount and " at " .. slice.mount or "")
  end
  fail.raise(("format `%s` cannot hold the partitions of the system"):format(name), {
    notes = lines,
    hint = "make a disk of it, `--format qcow2`, or put all its files into one root: `--without-partitions`",
  })
end

--- The lines of a root that a file system cannot keep.
---@param tree bq.Union
---@param at string what its paths begin with
---@param kind "cpio"|"fat32"
---@return string[]
function format.unkept(tree, at, kind)
  local lines = {}
  local function say(path, why)
    lines[#lines + 1] = ("  %s/%s: %s"):format(at, path, why)
  end
  for path, entry in tables.sorted(tree.entries) do
    local said = tree.attributes[path] or {}
    if said.capabilities then
      say(path, "capabilities")
    end
    if entry.size > MAX_FILE then
      say(path, "a file of 4 GiB or more")
    end
    if kind == "fat32" then
      if entry.type == "link" then
        say(path, "a link")
      end
      if (said.uid or 0) ~= 0 or (said.gid or 0) ~= 0 then
        say(path, ("the owner %d:%d"):format(said.uid or 0, said.gid or 0))
      end
      if (said.mode or 0) & tonumber("7000", 8) ~= 0 then
        say(path, ("the mode %04o"):format(said.mode))
      end
    end
  end
  return lines
end

--- Raises if a file system cannot keep all of a root.
---@param tree bq.Union
---@param at string
---@param kind "cpio"|"fat32"
---@param what string what a message calls it
function format.require_kept(tree, at, kind, what)
  local lines = format.unkept(tree, at, kind)
  if #lines > 0 then
    local notes = table.move(lines, 1, math.min(#lines, MAX_SHOWN), 1, {})
    notes[#notes + 1] = #lines > MAX_SHOWN and ("  and %d more"):format(#lines - MAX_SHOWN) or nil
    fail.raise(what .. " cannot keep all of its files", {
      notes = notes,
      hint = kind == "cpio" and "use another format, or leave them out"
        or "use a partition with ext4, or leave them out",
    })
  end
end

return format
