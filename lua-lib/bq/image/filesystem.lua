-- Makes root file systems of a tar. The programs that do it are outputs of a phase, and run in a root that holds nothing else:
-- no program of the machine is used.
local fail = require "bq.fail"
local files = require "bq.files"
local fs = require "bq.fs"
local job = require "bq.run.job"
local namespace = require "bq.run.namespace"
local process = require "bq.process"
local step_root = require "bq.run.step_root"

local filesystem = {}

-- The settings that mke2fs would otherwise read from the machine, or choose by its version.
local CONFIG <const> = [[
[defaults]
  base_features = sparse_super,large_file,filetype,resize_inode,dir_index,ext_attr
  default_mntopts = acl,user_xattr
  enable_periodic_fsck = 0
  blocksize = 4096
  inode_size = 256
  inode_ratio = 16384
  reserved_ratio = 1
[fs_types]
  ext4 = {
    features = has_journal,extent,huge_file,flex_bg,metadata_csum,64bit,dir_nlink,extra_isize
  }
]]

--- Runs a program from outputs in a step root. Raises if it fails.
---@param options { folder: string, lowers: string[], argv: string[], env?: table<string, string>, stdin?: string } folder: as `job.clean` leaves it
local function run(options)
  local env = { PATH = "/usr/sbin:/usr/bin", LC_ALL = "C.UTF-8" }
  for name, value in pairs(options.env or {}) do
    env[name] = value
  end
  local log <const> = "/.log"
  local status = namespace.run(step_root.sandbox({ folder = options.folder, lowers = options.lowers }, {
    body = function()
      local status = process.run {
        argv = options.argv,
        env = env,
        cwd = step_root.BUILD,
        stdin = options.stdin and { options.stdin },
        log = step_root.HOME .. log,
      }
      return status.code or 1
    end,
  }))
  if not status.ok then
    local said = (files.read(job.paths(options.folder).home .. log) or ""):gsub("%s+$", "")
    fail.raise(
      ("`%s` failed"):format(options.argv[1]),
      { cause = said ~= "" and said or ("it ended with status %s"):format(status.code or status.signal) }
    )
  end
end

---@class bq.image.Filesystem
---@field folder string as `job.clean` leaves it, with `build/NAME.tar`
---@field name string of the tar, which is removed, and of the file system
---@field lowers string[] trees that hold the program, the topmost first
---@field program string
---@field ids bq.image.FilesystemIds of an ext4
---@field label string
---@field epoch integer
---@field jobs? integer

--- Makes an ext4 of the tar.
---@param options bq.image.Filesystem
---@param size integer bytes
---@param inodes integer
---@return string path
function filesystem.ext4(options, size, inodes)
  local place = job.paths(options.folder).build .. "/"
  local tar = options.name .. ".tar"
  fs.write(place .. "mke2fs.conf", CONFIG, { sync = false })
  local extended = ("hash_seed=%s,root_owner=0:0,lazy_itable_init=0,lazy_journal_init=0,nodiscard"):format(
    options.ids.hash_seed
  )
  -- stylua: ignore
  run {
    folder = options.folder,
    lowers = options.lowers,
    argv = {
      options.program, "-q", "-F", "-t", "ext4", "-U", options.ids.filesystem, "-L", options.label, "-E", extended,
      "-N", tostring(inodes), "-d", tar, options.name .. ".ext4", ("%dk"):format(size // 1024),
    },
    env = { MKE2FS_CONFIG = step_root.BUILD .. "/mke2fs.conf", SOURCE_DATE_EPOCH = tostring(options.epoch) },
  }
  fs.remove(place .. tar)
  return ("%s%s.ext4"):format(place, options.name)
end

--- Makes a squashfs of the tar; it has neither a label nor an id.
---@param options bq.image.Filesystem
---@return string path
function filesystem.squashfs(options)
  local tar = options.name .. ".tar"
  -- stylua: ignore
  run {
    folder = options.folder,
    lowers = options.lowers,
    argv = {
      options.program, "-", options.name .. ".squashfs", "-tar", "-quiet", "-no-progress", "-noappend", "-xattrs",
      "-default-mode", "0755", "-default-uid", "0", "-default-gid", "0",
      "-comp", "gzip", "-b", "256K", "-mem", "128M", "-processors", tostring(options.jobs or process.cores()),
      "-all-time", tostring(options.epoch), "-mkfs-time", tostring(options.epoch),
    },
    stdin = ("%s/%s"):format(step_root.BUILD, tar),
  }
  local place = job.paths(options.folder).build .. "/"
  fs.remove(place .. tar)
  return ("%s%s.squashfs"):format(place, options.name)
end

return filesystem
