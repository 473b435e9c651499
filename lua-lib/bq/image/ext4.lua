-- An ext4 made of a tar by mke2fs, in a root that holds nothing but what a phase made: no program of the machine is used.
local fail = require "bq.fail"
local files = require "bq.files"
local fs = require "bq.fs"
local namespace = require "bq.namespace"
local process = require "bq.process"
local step_root = require "bq.step_root"

local ext4 = {}

-- All that mke2fs would otherwise read from the machine, or choose by its version.
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

--- Runs a program of some outputs in a step root. Raises if it fails.
---@param options { folder: string, lowers: string[], argv: string[], env?: table<string, string> } folder: as `step_root.clean` leaves it
local function run(options)
  local env = { PATH = "/usr/sbin:/usr/bin", LC_ALL = "C.UTF-8" }
  for name, value in pairs(options.env or {}) do
    env[name] = value
  end
  local log <const> = "/.log"
  local status = namespace.run(step_root.sandbox({ folder = options.folder, lowers = options.lowers }, {
    body = function()
      local status = process.run { argv = options.argv, env = env, cwd = step_root.BUILD, log = step_root.HOME .. log }
      return status.code or 1
    end,
  }))
  if not status.ok then
    local said = (files.read(options.folder .. "/home" .. log) or ""):gsub("%s+$", "")
    fail.raise(("`%s` failed"):format(options.argv[1]), { cause = said ~= "" and said or ("it ended with status %s"):format(status.code or status.signal) })
  end
end

--- Makes `root.ext4` of `root.tar`, both in `build/` of the folder.
---@param options { folder: string, lowers: string[], program: string, size: integer, inodes: integer, label: string, ids: bq.image.Ids, epoch: integer }
---@return string path
function ext4.make(options)
  local place = options.folder .. "/build/"
  fs.write(place .. "mke2fs.conf", CONFIG, { sync = false })
  local extended = ("hash_seed=%s,root_owner=0:0,lazy_itable_init=0,lazy_journal_init=0,nodiscard"):format(options.ids.hash_seed)
  -- stylua: ignore
  run {
    folder = options.folder,
    lowers = options.lowers,
    argv = {
      options.program, "-q", "-F", "-t", "ext4", "-U", options.ids.filesystem, "-L", options.label, "-E", extended,
      "-N", tostring(options.inodes), "-d", "root.tar", "root.ext4", ("%dk"):format(options.size // 1024),
    },
    env = { MKE2FS_CONFIG = step_root.BUILD .. "/mke2fs.conf", SOURCE_DATE_EPOCH = tostring(options.epoch) },
  }
  return place .. "root.ext4"
end

return ext4
