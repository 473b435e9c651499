-- Lets the last partition of a disk, and the file system on it, grow to the end of the disk. It runs on the machine that has the
-- disk, while it is in use, at each boot: where there is nothing to grow, it changes nothing.
local args = require "bq.args"
local fail = require "bq.fail"
local files = require "bq.files"
local fs = require "bq.fs"
local image = require "bq.image"
local log = require "bq.log"
local report = require "bq.report"
local syscall = require "bq.syscall"

local grow = {}

-- stylua: ignore
grow.OPTIONS = {
  { name = "disk", value = "DEVICE", help = "the disk; that of the root if absent" },
}

-- Of ext4's superblock: where it is, its magic, and the logarithm of its block size in KiB (Documentation/filesystems/ext4).
local SUPERBLOCK <const> = 1024
local MAGIC <const> = { at = 57, text = "\x53\xef" }
local BLOCK_SIZE <const> = 25

--- The mounted file systems: device numbers and mount points, the last mounted first.
---@return { device: string, path: string }[]
local function mounts()
  local out = {}
  for line in fs.read("/proc/self/mountinfo"):gmatch "[^\n]+" do
    local device, path = line:match "^%d+ %d+ (%d+:%d+) %S+ (%S+)"
    -- Blanks and the like are octal escapes, see proc_pid_mountinfo(5).
    path = path:gsub("\\(%d%d%d)", function(digits)
      return string.char(tonumber(digits, 8))
    end)
    table.insert(out, 1, { device = device, path = path })
  end
  return out
end

--- The disk that the root is on.
local function disk_of_root()
  for _, one in ipairs(mounts()) do
    local folder = "/sys/dev/block/" .. one.device
    if one.path == "/" and fs.stat(folder .. "/partition") then
      return "/dev/" .. files.name(files.parent(fs.realpath(folder)))
    end
  end
  fail.raise("the root is on no partition", { hint = "name the disk: `--disk DEVICE`" })
end

--- What the kernel knows of a partition: its folder in sysfs, and its name.
local function partition_of(disk, index)
  local folder = "/sys/class/block/" .. files.name(disk)
  for _, name in ipairs(fs.list(folder)) do
    local number = files.read(("%s/%s/partition"):format(folder, name))
    if number and math.tointeger(tonumber(number)) == index then
      return folder .. "/" .. name, name
    end
  end
  fail.raise(("the kernel does not know partition %d of `%s`"):format(index, disk))
end

--- Makes a mounted ext4 as large as its partition. Other file systems stay as they are.
local function grow_filesystem(device, number, size)
  local file <close> = assert(io.open(device, "rb"))
  file:seek("set", SUPERBLOCK)
  local head = file:read(1024) or ""
  if head:sub(MAGIC.at, MAGIC.at + 1) ~= MAGIC.text then
    return
  end
  local block = 1024 << ("<I4"):unpack(head, BLOCK_SIZE)
  for _, one in ipairs(mounts()) do
    if one.device == number then
      fail.wrap(("cannot grow the file system at `%s`"):format(one.path), {
        hint = "it has to be mounted to be written: `mount -o remount,rw PATH`",
      }, syscall.ext4_ioc_resize_fs, one.path, size // block)
      return
    end
  end
end

--- Runs the program.
---@param words string[] the command line
function grow.main(words)
  local options = args.parse({
    group = "machine",
    about = "Lets the last partition of this machine's disk grow to the disk's end, with the ext4 on it.",
    usage = "bq scripts/grow.lua [OPTIONS]",
    options = grow.OPTIONS,
  }, words)
  local disk = options.disk or disk_of_root()
  local found = fail.wrap(("cannot change the partition table of `%s`"):format(disk), nil, image.grow, disk)
  local folder, name = partition_of(disk, found.index)
  local before = tonumber(fs.read(folder .. "/size")) * 512
  if before < found.size then
    fail.wrap(
      ("the kernel does not take the new size of `%s`"):format(name),
      nil,
      syscall.blkpg_resize_partition,
      { device = disk, index = found.index, start = found.start, size = found.size }
    )
    log.info(("%s: %s, was %s"):format(name, report.size(found.size), report.size(before // 1)))
  end
  grow_filesystem("/dev/" .. name, fs.read(folder .. "/dev"):match "%S+", found.size)
end

return grow
