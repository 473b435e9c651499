-- Builds a plan: starts the steps that are ready, several at once, until all are in the store.
--
--   local run = coordinator.new { state = state.look(space, plan), display = display.new(), jobs = 8 }
--   local ok = run:run() -- builds; `false` if a step failed
--
-- A run is one loop: start the steps that are ready, wait for a process to end, record its result. `bq.run.state` knows
-- which steps are done or ready. `bq.run.job` knows what a step's process gets and leaves.
local away = require "bq.run.away"
local damage = require "bq.run.damage"
local elsewhere = require "bq.run.elsewhere"
local fail = require "bq.fail"
local failure = require "bq.run.failure"
local fs = require "bq.fs"
local job = require "bq.run.job"
local journal = require "bq.journal"
local key = require "bq.plan.key"
local make_job = require "bq.run.make_job"
local process = require "bq.process"
local reason = require "bq.run.reason"
local record_failure = require "bq.run.record_failure"
local schema = require "bq.schema"
local slots = require "bq.run.slots"
local siblings = require "bq.run.siblings"
local store = require "bq.store"
local trees = require "bq.run.trees"

local coordinator = {}

-- How often to look for free slots while a step waits for one, or several share them, in seconds.
local POLL <const> = 0.05
-- The same for an answer from a store or cache: an agent on this machine gives it in some milliseconds.
local ASKING <const> = 0.003
-- The time between TERM and KILL for a step's processes when the build is stopped, in seconds.
local GRACE <const> = 1.5
-- How large a step's log may become, in MiB: that of LLVM has 6.
local LOG_LIMIT <const> = 256

---@class bq.Running a step that is built
---@field step table
---@field folder string
---@field lock? bq.syscall.Descriptor
---@field share? bq.Share of the slots; `nil` of a step that is away
---@field is_treeless? boolean it failed on a worker, and its build tree is not here
---@field talks? boolean its log has grown over the limit

---@class bq.Run
---@field workspace bq.Workspace
---@field plan table
---@field state bq.State
---@field display bq.Display
---@field jobs integer
---@field keep_going? boolean
---@field keep_build? boolean
---@field check? boolean
---@field log_limit? integer how large a step's log may become, in MiB
---@field foreign table<string, boolean> phases of which nothing can be built on this machine
---@field observer? string the text of a module whose `new(step, home)` makes a `bq.run.Observer`
---@field failures table[]
---@field built_on_damage table<string, true> ids of running steps
---@field trees bq.Trees
---@field slots bq.Slots
---@field stopping? boolean no step is started any more
---@field package is_incomplete? boolean what only workers can build was not built
---@field package elsewhere bq.Elsewhere
---@field away? bq.Away `nil` if no workers build steps
---@field package running table<integer, bq.Running> by process
local Run = {}
Run.__index = Run

--- A run that builds a plan.
---@param options { state: bq.State, display: bq.Display, jobs: integer, foreign?: table<string, boolean>, keep_going?: boolean, keep_build?: boolean, check?: boolean, log_limit?: integer, observer?: string }
---@return bq.Run
function coordinator.new(options)
  local self = setmetatable(options, Run)
  self.workspace, self.plan = self.state.workspace, self.state.plan
  self.running, self.log_limit = {}, self.log_limit or LOG_LIMIT
  self.trees, self.elsewhere = trees.new(self.workspace), elsewhere.new(self.state, self.display)
  self.away, self.foreign = away.new(self.workspace, self.plan), self.foreign or {}
  return self
end

--- Starts a step.
---@param self bq.Run
---@param step table
---@param is_away boolean on a worker
local function start(self, step, is_away)
  local inputs = key.inputs(self.state.context, step)
  local why = reason(self.workspace, self.history[step.id], inputs)
  local share = not is_away and self.slots:open() or nil
  local folder = self.trees:clear(step.id)
  job.clean(folder)
  local lock = job.enter(folder)
  job.write(make_job(self, step, inputs, folder, share))
  local log = job.paths(folder).log
  journal.add(self.workspace, { event = "start", step = step.id, key = self.state.keys[step.id], reason = why })
  local one = { step = step, folder = folder, share = share, lock = lock } ---@type bq.Running
  if share then
    -- The step's programs can read it.
    local env = { BQ_PATH = os.getenv "BQ_PATH" } ---@type table<string, string?>
    local pid = process.spawn {
      argv = { process.executable(), "-e", "return os.exit(require('bq.run.launch')(...))", folder },
      env = env,
      log = log,
      session = true,
      die_with_parent = true,
      pass = share.fds,
    }
    self.running[pid] = one
  else
    fs.write(log, "", { sync = false })
    self.away:start(one, self.log_limit)
  end
  self.state:set(step, "running")
  self.display:started(step, why, log, is_away)
end

--- Ends the steps whose logs have grown over the limit: what a step prints must not fill the disk.
local function end_talkers(self)
  for pid, one in pairs(self.running) do
    local stat = fs.stat(job.paths(one.folder).log)
    if stat and stat.size > self.log_limit << 20 and not one.talks then
      one.talks = true
      process.kill(-pid, "KILL")
    end
  end
end

local function failed(self, one, status)
  local details = record_failure(self, one, status)
  self.state:set(one.step, "failed")
  self.failures[#self.failures + 1] = details
  self.display:failed(one.step, details)
  if one.is_treeless then
    self.trees:done(one.folder)
  end
end

--- A step was built, here or on a worker, or failed.
---@param self bq.Run
---@param one bq.Running
---@param status { ok: boolean, seconds: number, code?: integer, signal?: string }
local function settle(self, one, status)
  fs.unlock(one.lock)
  local id, at = one.step.id, job.paths(one.folder)
  if fs.stat(at.copied) then
    self.display:copied()
  end
  journal.add(
    self.workspace,
    { event = "end", step = id, key = self.state.keys[id], ok = status.ok, seconds = status.seconds }
  )
  if self.built_on_damage[id] then
    self.built_on_damage[id] = nil
    self.state:set(one.step, "waiting")
    self.display:discarded(one.step)
    return
  elseif not status.ok then
    failed(self, one, status)
    return
  end
  local meta = schema.read(at.meta, store.META) or fail.raise(("`%s` left no result"):format(id))
  local fits, why = pcall(siblings.check, self.state, one.step, at.output, meta.attributes)
  if not fits then
    failure.write(at.failure, why)
    failed(self, one, status)
    return
  end
  store.put(self.workspace, self.state.keys[id], at.entry)
  self.trees:done(one.folder, self.keep_build)
  self.state:set(one.step, "done", meta.output)
  self.display:done(one.step, meta)
  self.elsewhere:built(one.step)
end

--- A process has ended.
local function ended(self, status)
  self.trees:ended(status.pid)
  local one = self.running[status.pid]
  if one then
    self.running[status.pid] = nil
    self.slots:close(one.share)
    settle(self, one, status)
  end
end

--- Takes the steps that have come back from workers. One without a result waits again, to be built here.
local function take_returned(self)
  local all = self.away and self.away:returned() or {}
  for _, back in ipairs(all) do
    if back.answer.trouble then
      fs.unlock(back.one.lock)
      journal.add(self.workspace, { event = "back", step = back.one.step.id, key = self.state.keys[back.one.step.id] })
      self.built_on_damage[back.one.step.id] = nil
      self.state:set(back.one.step, "waiting")
      self.display:returned(back.one.step)
    else
      back.one.is_treeless = not (back.answer.ok or back.answer.has_tree)
      settle(self, back.one, { ok = back.answer.ok, seconds = back.answer.seconds, code = 1 })
    end
  end
end

--- Ends all running steps and all processes that they started. What workers do is cancelled when this program has ended.
local function stop(self)
  for pid in pairs(self.running) do
    process.kill(pid, "TERM")
  end
  local deadline = process.clock() + GRACE
  while next(self.running) do
    local left = deadline - process.clock()
    local status = left > 0 and process.wait_any { timeout = left } or nil
    ---@cast status bq.process.Status?
    if status and status.ok then
      -- It succeeded before the signal reached it.
      ended(self, status)
    elseif status and status.pid then
      self.running[status.pid] = nil
    elseif not status then
      for pid in pairs(self.running) do
        process.kill(-pid, "KILL")
      end
      deadline = math.huge
    end
  end
end

--- Starts the steps that are ready, as long as there are free slots. Returns whether a step waits for a slot.
local function start_ready(self)
  local waits = false
  for _, step in ipairs(self.plan.steps) do
    if self.state.states[step.id] == "waiting" then
      local readiness, by = self.state:readiness(step)
      if readiness == "blocked" then
        self.state:set(step, "blocked")
        self.display:blocked(step, by, self.state.states[by])
      elseif readiness == "ready" and not (self.stopping or waits or self.elsewhere:holds(step)) then
        if self.state:find(step) then
          self.display:reused(step, self.elsewhere.places[self.state.keys[step.id]])
          return start_ready(self)
        end
        local found = { self.state.damaged[step.id] }
        found = #found > 0 and found or self.state:damage_below(step)
        if #found > 0 then
          damage.drop(self, found)
          return start_ready(self)
        elseif self.elsewhere:ask(step) or self.elsewhere:fetch_below(step) then
          if not self.elsewhere:holds(step) then
            return start_ready(self)
          end
        elseif self.away and self.away:wants(step) then
          if self.away:is_free() then
            start(self, step, true)
          end
        elseif self.foreign[step.phase] then
          self.state:set(step, "blocked")
          self.is_incomplete = true
          self.display:unbuilt(step, self.away:reason_against(step))
        elseif self.slots:may_start() then
          start(self, step, false)
        else
          waits = true
        end
      end
    end
  end
  return waits
end

--- Builds all steps that are not in the store.
---@return boolean ok
function Run:run()
  self.slots = slots.new(self.jobs)
  self.failures, self.built_on_damage = {}, {}
  self.history = journal.by_step(self.workspace)
  process.catch_signals { "INT", "TERM", "HUP" }
  journal.add(self.workspace, { event = "run", jobs = self.jobs })
  self.display:begin(self, journal.seconds(self.history))
  while true do
    local waits = start_ready(self)
    self.elsewhere:send()
    self.trees:remove()
    local is_away = self.away ~= nil and self.away:is_busy()
    if not (next(self.running) or is_away or self.trees:busy() or self.elsewhere:is_busy()) then
      if self.stopping or not self.elsewhere:fetch_wanted() then
        break
      end
      self.elsewhere:send()
    end
    if not waits then
      self.slots:balance()
    end
    local pause = (waits or is_away or self.slots:is_shared()) and POLL or self.display.pause
    local status = process.wait_any { timeout = self.elsewhere:is_busy() and ASKING or pause }
    if status and status.caught then
      self.display:stopping(status.caught)
      stop(self)
      journal.add(self.workspace, { event = "run_end", ok = false, signal = status.caught })
      self.display:finish(self)
      fail.raise("the build was stopped", {
        cause = "signal " .. status.caught,
        hint = "the same command goes on",
        status = 130,
      })
    elseif status then
      ended(self, status)
    end
    take_returned(self)
    self.stopping = self.stopping or #self.failures > 0 and not self.keep_going
    self.elsewhere:poll()
    end_talkers(self)
    self.display:tick()
  end
  self.trees:sweep(self.state.states)
  local ok = #self.failures == 0 and not self.is_incomplete
  journal.add(self.workspace, { event = "run_end", ok = ok })
  self.display:finish(self)
  return ok
end

return coordinator
