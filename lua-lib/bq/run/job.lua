-- A step's folder in `build/`, and the job in it: the instructions of the coordinator for the step's process. Only this
-- file knows the paths in the folder.
--
--   job.json       what is to be done (`bq.Job`)      failure.json   why it failed
--   entry/         becomes the entry of the store: output/, meta.json, log
--   src/ build/ home/   what the step sees at /bq     root/ upper/ work/ lower/ empty/   its root
--   basics/        files that every root has; its lowest tree     mask/   hides what staging added to the seed
--   root.copied    `root/` is a full copy             root.since     later changes in it were made by the step
--   root.made      folders that were made in the root as mount points
--   cpuinfo        what the kernel says of processors, in the root of another machine
--   noted.json     set-id bits and capabilities that its programs set on files
--   kept           the folder stays after the step is done
--   entered        is locked by the process that builds the step or is in its root
local fs = require "bq.fs"
local json = require "bq.json"
local schema = require "bq.schema"
local syscall = require "bq.syscall"

local job = {}

---@class bq.Job
---@field step table of the plan
---@field key string
---@field inputs table what the key is the digest of
---@field folder string the step's folder
---@field lowers string[] trees of its root, the topmost first
---@field seed_at? string where in the root the seed is
---@field sources table<string, bq.JobSource>
---@field code table<string, string> texts of the strategy's modules
---@field env table<string, string>
---@field arch string
---@field kernel_arch string
---@field target string
---@field prefix string
---@field cross boolean
---@field machine? string the architecture of what it runs, if that is not the one of the machine that has the plan
---@field sysroot string
---@field epoch integer
---@field jobs integer
---@field makeflags string
---@field pass integer[] descriptors that the step's programs inherit
---@field check? boolean
---@field observer? string the text of a module whose `new(step, home)` makes a `bq.run.Observer`

---@class bq.JobPaths
---@field folder string
---@field job string
---@field failure string
---@field inner_failure string written by the step's own process inside its root
---@field entry string
---@field output string
---@field log string
---@field meta string
---@field root string
---@field src string
---@field build string
---@field patches string temporary, for patches from further sources
---@field home string
---@field copied string
---@field noted string
---@field kept string
---@field entered string locked by the process that builds the step or is in its root
---@field upper string
---@field basics string
---@field mask string
---@field since string
---@field made string
---@field cpuinfo string

-- The names in the folder.
local NAMES = {
  job = "job.json",
  failure = "failure.json",
  inner_failure = "home/.failure.json",
  entry = "entry",
  output = "entry/output",
  log = "entry/log",
  meta = "entry/meta.json",
  root = "root",
  src = "src",
  build = "build",
  patches = "patches",
  home = "home",
  copied = "root.copied",
  noted = "noted.json",
  kept = "kept",
  entered = "entered",
  upper = "upper",
  basics = "basics",
  mask = "mask",
  since = "root.since",
  made = "root.made",
  cpuinfo = "cpuinfo",
}
---@type bq.schema.Format
local FORMAT <const> = {
  what = "the job of a step",
  limit = 1 << 28,
  kind = schema.record {
    step = schema.record { id = schema.STEP, fields = schema.any_map() },
    key = schema.KEY,
    inputs = schema.any_map(),
    folder = schema.text(),
    lowers = schema.list(schema.text()),
    sources = schema.map(schema.record { path = schema.text(), sha256 = schema.SHA256, ["strip?"] = schema.whole() }),
    code = schema.map(schema.text()),
    env = schema.any_map(),
    jobs = schema.whole(1),
    pass = schema.list(schema.whole()),
    epoch = schema.whole(),
  },
}

-- The folders that a step begins with.
-- stylua: ignore
local FOLDERS = {
  NAMES.upper, "work", "root", "src", "build", "home", "lower", "empty", NAMES.basics, NAMES.mask, NAMES.entry, NAMES.output,
}

--- The names in a step's folder, relative to it.
job.names = NAMES

--- The folder of a step.
---@param space bq.Workspace
---@param id string
---@return string
function job.folder(space, id)
  return space:at("build", (id:gsub("/", "-")))
end

--- The paths in a step's folder.
---@param folder string
---@return bq.JobPaths
function job.paths(folder)
  local paths = { folder = folder } ---@type table<string, string>
  for what, name in pairs(NAMES) do
    paths[what] = folder .. "/" .. name
  end
  return paths --[[@as bq.JobPaths]]
end

-- Attributes that a new folder can inherit from its parent, besides the group and the set-group-id bit.
local INHERITED <const> = { "system.posix_acl_default", "system.posix_acl_access" }

--- Makes a folder without the attributes that it would inherit from the workspace, so that a step sees none of them.
local function make_plain(folder)
  fs.mkdir(folder)
  for _, name in ipairs(INHERITED) do
    fs.remove_xattr(folder, name)
  end
  fs.chown(folder, syscall.geteuid(), syscall.getegid())
  fs.chmod(folder, tonumber("755", 8))
end

--- Empties a step's folder and makes what is in it.
---@param folder string
function job.clean(folder)
  fs.remove_all(folder)
  make_plain(folder)
  for _, name in ipairs(FOLDERS) do
    make_plain(folder .. "/" .. name)
  end
end

--- Writes a job into its folder.
---@param one bq.Job
function job.write(one)
  fs.write(job.paths(one.folder).job, json.encode(one), { sync = false })
end

--- The job of a folder; `nil` if there is none.
---@param folder string
---@return bq.Job?
function job.read(folder)
  return schema.read(job.paths(folder).job, FORMAT)
end

--- Locks a folder for a process that builds its step or is in its root; `nil` if another process has the lock.
---@param folder string that exists
---@return bq.syscall.Descriptor?
function job.enter(folder)
  return fs.lock(job.paths(folder).entered)
end

return job
