-- A process outside of the staged root that has steps done by workers, for a build inside that does not see the network. Each step has a
-- process of its own (`bq.share.remote_step`), so that none waits for another.
--
-- They talk by files in a folder of the workspace: the build writes `N.ask`, and `N.answer` comes. `N.operation` is what the server
-- said last.
local execution = require "bq.share.execution"
local fs = require "bq.fs"
local host = require "bq.host"
local json = require "bq.json"
local process = require "bq.process"
local schema = require "bq.schema"
local tables = require "bq.tables"
local workers = require "bq.share.workers"
local workspace = require "bq.workspace"

local executor = {}

--- How long a step may wait for a worker, in seconds.
executor.PATIENCE = 600

-- How often to look for requests, and for steps that wait too long, in seconds.
local POLL <const>, CHECK <const> = 0.02, 0.5
-- What the process of a step runs.
local OWN <const> = "return os.exit(require('bq.share.remote_step').main(...))"

---@type bq.schema.Format
local OPERATION <const> = {
  what = "what a server says of an action",
  limit = 1 << 20,
  kind = schema.record { ["name?"] = schema.text(), ["stage?"] = schema.text() },
}

---@class bq.share.Remote a step that is away
---@field base string
---@field pid integer
---@field queued? number since when it is in the queue

---@class bq.share.Executor
---@field path string of the workspace
---@field folder string
---@field options string the options of the program, as JSON
---@field patience integer seconds in the queue
---@field server bq.share.Grpc
---@field seen table<integer, true> numbers of requests
---@field open table<integer, bq.share.Remote> by process
---@field checked number when it was looked for steps that wait
local Executor = {}
Executor.__index = Executor

local function start(self, number)
  local base = ("%s/%d"):format(self.folder, number)
  local argv = tables.append({ process.executable() }, host.options)
  tables.append(argv, { "-e", OWN, self.path, base, self.options })
  -- What is typed at the terminal does not reach it: it ends when the action is cancelled.
  local pid = process.spawn { argv = argv, session = true, die_with_parent = true, log = base .. ".said" }
  self.open[pid] = { base = base, pid = pid }
end

--- What the server said last of an action; `nil` if it said nothing.
local function operation(one)
  local ok, found = pcall(schema.read, one.base .. ".operation", OPERATION)
  return ok and found or nil
end

--- Says that a step has no result, nor will others have one.
local function answer(one, trouble, hint)
  fs.write(
    one.base .. ".answer",
    json.encode { ok = false, trouble = trouble, is_down = true, hint = hint, seconds = 0 },
    { sync = false }
  )
end

--- Ends a step: its process here, and its action there.
local function cancel(self, one)
  process.kill(-one.pid, "KILL")
  local found = operation(one)
  if found and found.name then
    execution.cancel(self.server.calls, found.name)
  end
end

--- A process has ended. If it left no answer, that is one.
local function ended(self, status)
  local one = self.open[status.pid]
  self.open[status.pid] = nil
  if one and not fs.stat(one.base .. ".answer") then
    local said = fs.read(one.base .. ".said"):gsub("%s+$", ""):gsub("\n", "; ")
    answer(one, said ~= "" and said or "the process that speaks with its server was ended")
  end
end

--- Ends the steps that have waited too long for a worker.
local function end_waiting(self)
  if process.clock() - self.checked < CHECK then
    return
  end
  self.checked = process.clock()
  for _, one in pairs(self.open) do
    local found = operation(one)
    if found and found.stage == "queue" and not fs.stat(one.base .. ".answer") then
      one.queued = one.queued or process.clock()
      if process.clock() - one.queued >= self.patience then
        answer(
          one,
          ("no worker took it for %d s"):format(self.patience),
          "`--remote-patience SECONDS` waits longer; `--remote-property NAME=VALUE` says what a worker has to have"
        )
        cancel(self, one)
      end
    else
      one.queued = nil
    end
  end
end

--- Starts what is asked for.
local function take(self)
  for _, name in ipairs(fs.list(self.folder)) do
    local number = math.tointeger(tonumber(name:match "^(%d+)%.ask$"))
    if number and not self.seen[number] then
      self.seen[number] = true
      start(self, number)
    end
  end
end

--- Serves the requests in a folder until it says that there are no more. What is open then is cancelled.
---@param path string of the workspace
---@param folder string
---@param options string the options of the program, as JSON
---@return integer status
function executor.main(path, folder, options)
  local lock = fs.lock(folder .. "/lock")
  if not lock then
    return 1
  end
  local values = json.decode(options)
  local self = setmetatable({
    path = workspace.new(path).path,
    folder = folder,
    options = options,
    patience = values.remote_patience or executor.PATIENCE,
    server = workers.of(values),
    seen = {},
    open = {},
    checked = 0,
  }, Executor)
  process.catch_signals { "INT", "TERM", "HUP" }
  fs.write(folder .. "/ready", "", { sync = false })
  while not fs.stat(folder .. "/end") do
    take(self)
    local status = process.wait_any { timeout = POLL }
    if status and status.pid then
      ended(self, status --[[@as bq.process.Status]])
    end
    end_waiting(self)
  end
  for _, one in pairs(self.open) do
    cancel(self, one)
  end
  fs.unlock(lock)
  return 0
end

return executor
