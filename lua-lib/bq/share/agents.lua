-- Starts the agents of a build (`bq.share.agent`), and ends them.
--
--   local running = agents.start(space, options)          -- `nil` without a store or cache
--   enter.coordinator(space, words, agents.environment(running))
--   agents.finish(running)
local fail = require "bq.fail"
local files = require "bq.files"
local foreign = require "bq.run.foreign"
local fs = require "bq.fs"
local host = require "bq.host"
local json = require "bq.json"
local log = require "bq.log"
local process = require "bq.process"
local share_options = require "bq.share.options"
local tables = require "bq.tables"

local agents = {}

-- How long an agent may take to start, in seconds. A program that gives a token may ask its user.
local PATIENCE <const> = 90
local POLL <const> = 0.05
-- How many steps are with workers at once, if nothing is said.
local JOBS <const> = 8
-- After this many seconds of waiting for uploads, that is said.
local QUIET <const> = 2

---@class bq.share.Agents
---@field folder string
---@field name string of the folder
---@field pids table<string, integer> by role: `get`, `put` and `execute`
---@field execution? table<string, string> what the build has to know of its workers
---@field lock? bq.syscall.Descriptor held as long as the build runs

--- Removes what runs left that were killed.
local function sweep(space)
  for _, name in ipairs(fs.stat(space:at "share") and fs.list(space:at "share") or {}) do
    local folder = space:at("share", name)
    local is_run = name:find "^run%-"
    local lock = is_run and fs.lock(folder .. "/lock")
    if lock then
      fs.unlock(lock)
      fs.remove_all(folder)
    end
  end
  fs.remove_all(space:at("share", "new"))
end

-- The modules of the roles, if it is not that of the agents.
local MODULES <const> = { execute = "bq.share.executor" }

local function start(space, folder, role, options)
  fs.mkdir(folder)
  local argv = tables.append({ process.executable() }, host.options)
  local code = ("return os.exit(require('%s').main(...))"):format(MODULES[role] or "bq.share.agent")
  tables.append(argv, { "-e", code, space.path, folder, options })
  return process.spawn { argv = argv, die_with_parent = true }
end

--- The options of the places, as the agents read them.
local function encoded(options)
  local kept = {}
  for _, option in ipairs(share_options.OPTIONS) do
    local name = option.name:gsub("-", "_")
    kept[name] = options[name]
  end
  return json.encode(kept)
end

--- Starts the agents of a build, if there is a place to ask. Wrong options raise.
---@param space bq.Workspace
---@param options table<string|integer, any> of a program, by the names of `bq.share.options`
---@param arch? string another architecture than this machine's, of which there are workers
---@return bq.share.Agents?
function agents.start(space, options, arch)
  if #share_options.words(options) == 0 then
    return nil
  end
  -- They are much, and most builds have none.
  local places = require "bq.share.places"
  local list, server = places.of(options), require("bq.share.workers").of(options)
  if #list == 0 then
    return nil
  end
  sweep(space)
  fs.mkdir(space:at "share")
  local folder = fs.mkdtemp(space:at("share", "run-"))
  ---@type bq.share.Agents
  local self = { folder = folder, name = files.name(folder), pids = {}, lock = fs.lock(folder .. "/lock") }
  local writes, roles = false, { "get" }
  for _, place in ipairs(list) do
    writes = writes or place.is_written
  end
  local text = encoded(options)
  roles[#roles + 1] = writes and "put" or nil
  roles[#roles + 1] = server and "execute" or nil
  for _, role in ipairs(roles) do
    self.pids[role] = start(space, ("%s/%s"):format(folder, role), role, text)
  end
  self.execution = server
    and {
      BQ_SHARE_WORKERS = tostring(options.remote_jobs or JOBS),
      BQ_SHARE_ONLY = options.remote_only and "1" or nil,
      BQ_SHARE_TREE = options.remote_tree and "1" or nil,
      [foreign.WORKERS] = arch,
    }
  local deadline = process.clock() + PATIENCE
  for role, pid in pairs(self.pids) do
    while not fs.stat(("%s/%s/ready"):format(folder, role)) do
      process.wait_any { timeout = POLL / 10 }
      if not process.kill(pid, "0") or process.clock() > deadline then
        fail.raise "the process that asks stores and caches did not start"
      end
    end
  end
  return self
end

--- What the build inside has to know.
---@param self? bq.share.Agents
---@return table<string, string>
function agents.environment(self)
  local out = self and { BQ_SHARE = self.name, BQ_SHARE_WRITES = self.pids.put and "1" or nil } or {}
  for name, value in pairs(self and self.execution or {}) do
    out[name] = value
  end
  return out
end

--- Waits until all is written, and ends the agents.
---@param self? bq.share.Agents
function agents.finish(self)
  if not self then
    return
  end
  for role in pairs(self.pids) do
    fs.write(("%s/%s/end"):format(self.folder, role), "", { sync = false })
  end
  local started, said = process.clock(), false
  for _, pid in pairs(self.pids) do
    while process.kill(pid, "0") do
      process.wait_any { timeout = POLL }
      if not said and process.clock() - started > QUIET then
        said = true
        log.info "waiting until all is written to stores and caches"
      end
    end
  end
  fs.unlock(self.lock --[[@as bq.syscall.Descriptor]])
  fs.remove_all(self.folder)
end

return agents
