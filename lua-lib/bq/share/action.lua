-- A step as an action of the Remote Execution API: what a worker gets, and that all of it is on the server.
--
-- The folder of the action is flat: bq, its library, the job, the packed sources, and an archive of each tree that the step is
-- built on. A tree is packed and uploaded once for all steps: its digest says which archive that is.
local archive = require "bq.archive"
local digest = require "bq.digest"
local entry = require "bq.share.entry"
local fail = require "bq.fail"
local fs = require "bq.fs"
local json = require "bq.json"
local mask = require "bq.run.mask"
local message = require "bq.share.message"
local process = require "bq.process"
local schema = require "bq.schema"
local store = require "bq.store"
local tables = require "bq.tables"
local worker = require "bq.run.worker"
local workspace = require "bq.workspace"

local action = {}

--- The tree of the seed, in a job.
local STAGED <const> = "/"
local JOB <const>, PROGRAM <const> = "job.json", "bq"
-- In a plain chroot these hold files of the machine.
local MOUNTED <const> = { "dev/*", "proc/*", "sys/*", "tmp/*" } ---@type string[]
-- How often to look whether another step has packed a tree, in seconds.
local POLL <const> = 0.1
-- The library of bq comes first, since the worker's code is in it.
local BEGIN <const> = [[
require("bq.archive").extract { path = arg[1], sha256 = arg[2], target = "lua-lib", profile = "rootfs", attributes = "collect" }
require("bq.process").exec {
  argv = { "./bq", "--lib", "lua-lib", "-e", "return os.exit(require('bq.run.worker').main(...))", arg[3] },
}
]]

---@type bq.schema.Format
local PACKED <const> = {
  what = "the archive of a tree",
  limit = 1 << 16,
  kind = schema.record { hash = schema.SHA256, size = schema.whole() },
}

---@class bq.share.Tree
---@field name string of its archive
---@field source bq.archive.Source
---@field mtime integer

---@class bq.share.Uploads
---@field workspace bq.Workspace
---@field server bq.share.Grpc
---@field aside string a folder for what is temporary
---@field is_anew? boolean all is sent, since what is on the server is wrong
local Uploads = {}
Uploads.__index = Uploads

--- What has to be on a server.
---@param space bq.Workspace
---@param server bq.share.Grpc
---@param aside string a folder for what is temporary
---@return bq.share.Uploads
function action.uploads(space, server, aside)
  fs.mkdir(space:at("share", "archives"))
  return setmetatable({ workspace = space, server = server, aside = aside }, Uploads)
end

--- Raises what is wrong with the server.
local function check(trouble)
  if trouble then
    fail.raise(trouble.text)
  end
end

--- The archive that a tree is known to be; `nil` if it was never packed, or that cannot be read.
local function known(self, tree)
  local ok, found = pcall(schema.read, self.workspace:at("share", "archives", tree.name .. ".json"), PACKED)
  return ok and found or nil
end

--- Holds what has a name against other steps.
---@return bq.syscall.Descriptor
local function hold(self, name)
  local path = self.workspace:at("share", "archives", name .. ".lock")
  local lock = fs.lock(path)
  while not lock do
    process.wait_any { timeout = POLL }
    lock = fs.lock(path)
  end
  return lock
end

--- Has files on the server. Several steps may want the same ones at once; then one of them sends them.
---@param blobs bq.share.Blob[]
local function put_files(self, blobs)
  local digests = {}
  for index, blob in ipairs(blobs) do
    digests[index] = blob.digest
  end
  local missing, trouble = self.server:missing(digests)
  check(trouble)
  for _, blob in ipairs(blobs) do
    if self.is_anew or missing[blob.digest.hash] then
      local lock = hold(self, blob.digest.hash)
      trouble = select(2, self.server:store({ blob }, self.is_anew))
      fs.unlock(lock)
      check(trouble)
    end
  end
end

--- Packs a tree and has it on the server, unless somebody else has done so meanwhile.
---@return bq.share.Digest
local function put_tree(self, tree)
  local note = self.workspace:at("share", "archives", tree.name .. ".json")
  local lock = hold(self, tree.name)
  local found = known(self, tree)
  if self.is_anew or not found or not self.server:has { found } then
    local path = ("%s/%s.tar.zst"):format(self.aside, tree.name)
    local packed = archive.pack { output = path, sources = { tree.source }, compression = "zstd", mtime = tree.mtime }
    found = { hash = packed.sha256, size = packed.size }
    local _, trouble = self.server:store({ { digest = found, path = path } }, self.is_anew)
    fs.remove(path)
    check(trouble)
    fs.write(note, json.encode(found), { sync = false })
  end
  fs.unlock(lock)
  return found
end

--- Has trees on the server.
---@param trees bq.share.Tree[]
---@return table<string, bq.share.Digest> # of their archives, by name
function Uploads:trees(trees)
  local out, asked = {}, {}
  for _, tree in ipairs(trees) do
    local found = known(self, tree)
    if found and not asked[tree.name] then
      asked[#asked + 1], asked[tree.name] = found, found
    end
  end
  local missing, trouble = self.server:missing(asked)
  check(trouble)
  for _, tree in ipairs(trees) do
    local found = asked[tree.name]
    local is_there = found and not missing[found.hash] and not self.is_anew
    out[tree.name] = out[tree.name] or is_there and found or put_tree(self, tree)
  end
  return out
end

--- The trees below the root of a step, by their paths in its job.
---@param space bq.Workspace
---@param job bq.Job
---@return table<string, bq.share.Tree>
local function trees_of(space, job)
  local out, paths = {}, tables.copy(job.lowers)
  paths[#paths + 1] = job.seed_at and STAGED
  for _, path in ipairs(paths) do
    local key = path:match "/store/(%x+)/output$"
    if path == STAGED then
      local root, exclude = space:rootfs(), tables.copy(MOUNTED)
      for _, added in ipairs(mask.paths(root)) do
        exclude[#exclude + 1] = added
      end
      out[path] = { name = space:staged().seed_digest, source = { path = root, exclude = exclude }, mtime = job.epoch }
    else
      local meta = key and store.get(space, key) or fail.raise(("`%s` is not in the store"):format(path))
      out[path] = {
        name = meta.output,
        source = { path = store.output(space, key), attributes = meta.attributes },
        mtime = meta.inputs.epoch,
      }
    end
  end
  return out
end

--- The library of bq, as it is staged.
---@param space bq.Workspace
---@return bq.share.Tree? # `nil` if none is there
function action.library(space)
  local path = space:rootfs() .. workspace.SHARE .. "/lua-lib"
  return fs.stat(path) and { name = "library-" .. digest.tree(path), source = { path = path }, mtime = 0 }
end

---@class bq.share.Wish
---@field log_limit integer MiB
---@field brings_tree? boolean the build tree of a step that fails is wanted
---@field program string bq for the worker
---@field properties { name: string, value: string }[] of the worker, sorted

--- Has a step on the server.
---@param job bq.Job
---@param wish bq.share.Wish
---@return bq.share.Digest # of the action
function Uploads:step(job, wish)
  local space = self.workspace
  local trees, names = trees_of(space, job), {}
  local library = action.library(space) or fail.raise "the library of bq is not in the staged rootfs"
  local list = { library }
  for _, tree in tables.sorted(trees) do
    list[#list + 1] = tree
  end
  local packed = self:trees(list)
  local files = {} ---@type { name: string, digest: bq.share.Digest, is_program?: boolean }[]
  local large, blobs = {}, {} ---@type bq.share.Blob[], bq.share.Blob[]
  local function add(name, found, is_program)
    if not names[name] then
      names[name] = true
      files[#files + 1] = { name = name, digest = found, is_program = is_program }
    end
  end
  local function archive_of(tree)
    local found = packed[tree.name]
    add(found.hash .. ".tar.zst", found)
    return { file = found.hash .. ".tar.zst", sha256 = found.hash }
  end
  local own = {} ---@type table<string, any>
  for field, value in pairs(job) do
    own[field] = value
  end
  -- What differs from build to build is the worker's.
  own.folder, own.makeflags, own.pass, own.jobs = "", "", json.array {}, 1
  local one = {
    job = own,
    trees = {},
    library = archive_of(library),
    seed = { id = space:staged().seed_id, digest = space:staged().seed_digest },
    log_limit = wish.log_limit,
    brings_tree = wish.brings_tree,
  }
  for path, tree in pairs(trees) do
    one.trees[path] = archive_of(tree)
  end
  for _, source in pairs(job.sources) do
    local path = space.path .. source.path:sub(#workspace.INSIDE + 1)
    local found = { hash = source.sha256, size = fs.stat(path).size }
    large[#large + 1] = { digest = found, path = path }
    add(source.sha256, found)
  end
  local program = wish.program
  large[#large + 1] = { digest = { hash = digest.file(program), size = fs.stat(program).size }, path = program }
  add(PROGRAM, large[#large].digest, true)
  put_files(self, large)
  blobs[#blobs + 1] = entry.blob(json.encode(one))
  add(JOB, blobs[#blobs].digest)
  table.sort(files, function(a, b)
    return a.name < b.name
  end)
  local words = { "./" .. PROGRAM, "-e", BEGIN, one.library.file, one.library.sha256, JOB }
  local command = entry.blob(message.command(words, worker.OUTPUTS, wish.properties))
  local root = entry.blob(message.directory(files))
  local made = entry.blob(message.action(command.digest, root.digest, wish.properties))
  tables.append(blobs, { command, root, made })
  local _, trouble = self.server:store(blobs, self.is_anew)
  check(trouble)
  return made.digest
end

return action
