-- A step on a worker of an execution engine: in a folder with bq, the job and archives of all that the step is built on, and
-- nothing else (`bq.share.action`). The worker needs no more than Linux with user namespaces.
--
-- The step runs as it does at home: in a root that is staged here, with a workspace that holds what its own root is made of.
-- Beside the job are left, whatever happened, the files that `worker.OUTPUTS` names.
local archive = require "bq.archive"
local fail = require "bq.fail"
local failure = require "bq.run.failure"
local files = require "bq.files"
local fs = require "bq.fs"
local jobs = require "bq.run.job"
local json = require "bq.json"
local namespace = require "bq.run.namespace"
local process = require "bq.process"
local schema = require "bq.schema"
local stage = require "bq.stage.stage"
local syscall = require "bq.syscall"
local workspace = require "bq.workspace"

local worker = {}

--- The files of a result, sorted by name. All of them are there after each run, since some engines give none back if one is
--- missing. What a run does not have is one line.
worker.OUTPUTS = { "failure.json", "log", "meta.json", "output.tar.zst", "tree.tar.zst" }
--- What stands for a file that a run does not have.
worker.NOTHING = "nothing\n"
--- Exit statuses: the step failed; this machine builds no steps; the step could not be begun, since an input is wrong or there is no
--- room.
worker.FAILED, worker.UNABLE, worker.WRONG = 1, 3, 4

--- A job as it goes to a worker.
---@type bq.schema.Format
worker.FORMAT = {
  what = "the job of a worker",
  limit = 1 << 28,
  kind = schema.record {
    job = schema.any_map(),
    -- The archives of the trees below the step's root: by the paths of these trees at home.
    trees = schema.map(schema.record { file = schema.FILE, sha256 = schema.SHA256 }),
    -- The seed is the tree `/`.
    ["seed?"] = schema.record { id = schema.text(), digest = schema.SHA256 },
    library = schema.record { file = schema.FILE, sha256 = schema.SHA256 },
    log_limit = schema.whole(1),
    ["brings_tree?"] = schema.flag(),
  },
}

local BINARY <const> = "usr/local/bin/bq"
-- A tree has about this many times the bytes of its archive, and a build those of its packed sources. Then there is what programs
-- need themselves. Measured on the packages of set core and on LLVM.
local TREE <const>, BUILD <const>, PROGRAMS <const> = 4, 40, 1 << 30
-- How often to look at the log of the step, in seconds.
local POLL <const> = 1
-- How the names of the folders begin in which steps are built.
local PLACE <const> = "bq-step-"
-- What of the step's folder shows how far it came.
local KEPT <const> = { "src", "build", "home", "entry/output" }

--- The bytes of memory that can be used.
local function free_memory()
  local meminfo = files.read "/proc/meminfo" or ""
  local free = (tonumber(meminfo:match "MemAvailable:%s*(%d+)") or 0) * 1024
  -- A container may have less than the machine.
  for _, place in ipairs { "/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes" } do
    free = math.min(free, tonumber(files.read(place) or "") or math.huge)
  end
  return free
end

--- The bytes that the step may need.
local function needed(one)
  local bytes = PROGRAMS
  for _, tree in pairs(one.trees) do
    bytes = bytes + fs.stat(tree.file).size * TREE
  end
  for _, source in pairs(one.job.sources) do
    bytes = bytes + fs.stat(source.sha256).size * BUILD
  end
  return bytes
end

--- A mount namespace of this process's own, in which it is root.
local function take_power()
  namespace.separate { "mount" }
  fail.wrap("cannot make namespaces", nil, syscall.mount, { target = "/", flags = { "rec", "private" } })
end

--- Removes what steps left that were killed. Others who use the same folder have their own.
local function sweep(top)
  for _, name in ipairs(fs.list(top)) do
    local path = top .. "/" .. name
    local stat = name:sub(1, #PLACE) == PLACE and fs.lstat(path)
    if stat and stat.type == "dir" and stat.uid == syscall.geteuid() and fs.lstat(path .. "/lock") then
      local lock = fs.lock(path .. "/lock")
      if lock then
        fs.remove_all(path)
        fs.unlock(lock)
      end
    end
  end
end

---@class bq.run.Place
---@field path string
---@field top string a folder for the root and the workspace
---@field is_mounted boolean it is in memory
---@field lock bq.syscall.Descriptor

--- A place for the root and the workspace: in memory if there is enough of it, else on a disk. It is not in the engine's own
--- folder, which may be on a file system that cannot be below an overlay.
---@return bq.run.Place
local function make_place(one)
  local above = os.getenv "TMPDIR" or "/var/tmp"
  pcall(sweep, above)
  local path = fs.mkdtemp(above .. "/" .. PLACE)
  local place = {
    path = path,
    top = path .. "/top",
    lock = fs.lock(path .. "/lock") --[[@as bq.syscall.Descriptor]],
    is_mounted = false,
  }
  fs.mkdir(place.top)
  if free_memory() >= needed(one) then
    syscall.mount {
      source = "tmpfs",
      target = place.top,
      type = "tmpfs",
      flags = { "nosuid", "nodev" },
      data = "mode=755,size=100%",
    }
    place.is_mounted = true
  end
  return place
end

--- Removes a place. Nothing of the step is in it any more.
local function remove_place(place)
  if place.is_mounted then
    syscall.umount(place.top, { "detach" })
  end
  fs.remove_all(place.path)
  fs.unlock(place.lock)
end

--- Unpacks an archive that is beside the job.
local function unpack(one, target, merge)
  archive.extract {
    path = one.file,
    sha256 = one.sha256,
    target = target,
    profile = "rootfs",
    attributes = "collect",
    merge = merge,
  }
end

--- Stages the root, as it is at home.
local function make_root(one, root)
  fs.mkdir(root)
  local seed = one.trees["/"]
  if seed then
    unpack(seed, root)
  end
  local staged = one.seed or { id = "none", digest = ("0"):rep(64) }
  stage.mark(root, { seed_id = staged.id, seed_digest = staged.digest, made = stage.places(root) })
  unpack(one.library, files.inside(root, workspace.SHARE:sub(2)) .. "/lua-lib", true)
  local binary = files.inside(root, files.parent(BINARY)) .. "/" .. files.name(BINARY)
  fs.copy("bq", binary)
  fs.chmod(binary, files.mode "0755")
end

--- Fills the workspace: what the step is built on, its sources, and its folder with the job.
---@return string folder of the step, inside the root
local function make_space(one, space)
  local inside = #workspace.INSIDE
  for path, tree in pairs(one.trees) do
    if path ~= "/" then
      unpack(tree, space .. path:sub(inside + 1))
    end
  end
  fs.mkdir(space .. "/sources")
  for _, source in pairs(one.job.sources) do
    local path = space .. source.path:sub(inside + 1)
    if not fs.stat(path) then
      fs.copy(source.sha256, path)
    end
  end
  local folder = "/build/step"
  jobs.clean(space .. folder)
  local cores = process.cores()
  local job = one.job --[[@as bq.Job]]
  job.folder = workspace.INSIDE .. folder
  job.jobs, job.makeflags, job.pass = cores, ("-j%d"):format(cores), json.array {}
  fs.write(jobs.paths(space .. folder).job, json.encode(job), { sync = false })
  return job.folder
end

--- Builds the step, inside. Ends it if its log grows over the limit.
---@return integer status
local function build(folder, log_limit)
  local log = jobs.paths(folder).log
  local pid = process.spawn {
    argv = { "/" .. BINARY, "-e", "return os.exit(require('bq.run.launch')(...))", folder },
    env = {},
    log = log,
    session = true,
    die_with_parent = true,
  }
  local talks = false
  while true do
    local status = process.wait_any { timeout = POLL }
    if status and status.pid then
      if talks then
        fs.write(jobs.paths(folder).failure, json.encode { lines = failure.of_log(log_limit) }, { sync = false })
      end
      return status.exit_status
    end
    local stat = fs.stat(log)
    if stat and stat.size > log_limit << 20 and not talks then
      talks = true
      process.kill(-pid, "KILL")
    end
  end
end

--- Packs a folder.
local function pack(output, sources, epoch)
  archive.pack { output = output, sources = sources, compression = "zstd", mtime = epoch }
end

--- Takes what the step left.
local function take(one, folder, ok)
  local at = jobs.paths(folder)
  local meta = ok and schema.read(at.meta, require("bq.store").META)
  fs.copy(at.log, "log", { merge = true })
  if meta then
    pack("output.tar.zst", { { path = at.output, attributes = meta.attributes } }, one.job.epoch)
    fs.copy(at.meta, "meta.json", { merge = true })
    return 0
  end
  local why = failure.read(at.failure)
    or { lines = { "error: the step was ended", "hint: the worker may have too little memory" } }
  fs.write("failure.json", json.encode(why), { sync = false })
  if one.brings_tree then
    local sources = {}
    for _, name in ipairs(KEPT) do
      sources[#sources + 1] = { path = folder .. "/" .. name, prefix = name }
    end
    pack("tree.tar.zst", sources, one.job.epoch)
  end
  return worker.FAILED
end

--- Builds the step of a job in the current folder.
---@param path string of the job
---@return integer status
function worker.main(path)
  syscall.umask(files.mode "022")
  for _, name in ipairs(worker.OUTPUTS) do
    fs.write(name, worker.NOTHING, { sync = false })
  end
  local place
  local status = worker.UNABLE
  local ok, result = xpcall(function()
    local one = schema.read(path, worker.FORMAT) or fail.raise(("there is no `%s`"):format(path))
    take_power()
    status = worker.WRONG
    place = make_place(one)
    local root, space = place.top .. "/rootfs", place.top .. "/space"
    make_root(one, root)
    fs.mkdir(space)
    local folder = make_space(one, space)
    local built = namespace.run {
      root = root,
      binds = { { source = space, target = workspace.INSIDE } },
      body = function()
        return build(folder, one.log_limit)
      end,
    }
    return take(one, space .. folder:sub(#workspace.INSIDE + 1), built.ok)
  end, function(err)
    return fail.is_expected(err) and err or fail.new("bq itself failed", { cause = debug.traceback(tostring(err), 2) })
  end)
  if not ok then
    failure.write("failure.json", result)
    result = status
  end
  if place then
    pcall(remove_place, place)
  end
  return result
end

return worker
