-- Carries a plan out: keys, the steps that are ready, several at once, until all are in the store.
local trees = require "bq.run.trees"
local fail = require "bq.fail"
local files = require "bq.files"
local fs = require "bq.fs"
local journal = require "bq.journal"
local json = require "bq.json"
local key = require "bq.plan.key"
local plan = require "bq.plan.plan"
local process = require "bq.process"
local source = require "bq.source.source"
local step_root = require "bq.run.step_root"
local store = require "bq.store"
local syscall = require "bq.syscall"

local coordinator = {}

-- How often to look for a free job while a step waits for one, in seconds.
local POLL = 0.05
-- What a step's tree has between TERM and KILL when the build is stopped, in seconds.
local GRACE = 1.5

---@class bq.Build
---@field workspace bq.Workspace
---@field plan table
---@field report bq.Report
---@field jobs integer
---@field keep_going? boolean
---@field keep_build? boolean
---@field check? boolean
---@field observer? string the text of a module whose `new(step, home)` makes a `bq.run.Observer`
local Build = {}
Build.__index = Build

--- Leaves out the phases that would have to run programs of another architecture than this machine's, and those that rest
--- on them.
---@param made table the plan, which is changed
---@return string[] phases
function coordinator.leave_out_foreign(made)
  local foreign, steps, out, seen = {}, json.array {}, {}, {}
  local is_foreign = made.arch ~= syscall.uname().machine
  for _, name in ipairs(made.phase_order) do
    local phase = made.phases[name]
    out[name] = is_foreign and phase.needs_native
    for _, base in ipairs(phase.base) do
      out[name] = out[name] or out[base]
    end
  end
  for _, step in ipairs(made.steps) do
    if not out[step.phase] then
      steps[#steps + 1] = step
    elseif not seen[step.phase] then
      seen[step.phase] = true
      foreign[#foreign + 1] = step.phase
    end
  end
  made.steps = steps
  return foreign
end

--- A build of a plan.
---@param options { workspace: bq.Workspace, plan: table, report: bq.Report, jobs: integer, keep_going?: boolean, keep_build?: boolean, check?: boolean, observer?: string }
---@return bq.Build
function coordinator.new(options)
  local self = setmetatable(options, Build)
  local lock = self.workspace:read_json "lock.json" or {}
  local staged = self.workspace:staged()
  self.by_id, self.state, self.keys = {}, {}, {}
  -- Processes that build steps.
  self.running = {}
  self.trees = trees.new(self.workspace)
  self.left = {}
  for _, step in ipairs(self.plan.steps) do
    self.by_id[step.id] = step
    self.state[step.id] = "waiting"
    self.left[step.phase] = self.left[step.phase] or { count = 0 }
    self.left[step.phase].count = self.left[step.phase].count + 1
  end
  self.context = {
    plan = self.plan,
    by_id = self.by_id,
    -- A chroot that is looked at from outside does not lie in its workspace; its lock knows the seed too.
    seed = staged and staged.seed_digest or lock.seed and lock.seed.digest or "unknown",
    locked = lock.sources or {},
    outputs = {},
    below = {},
    phase_digests = {},
  }
  return self
end

--- `ready`, `waiting`, or `blocked` by a step that failed.
local function readiness(self, step)
  for _, id in ipairs(step.depends) do
    local state = self.state[id]
    if state == "failed" or state == "blocked" then
      return "blocked", id
    elseif state ~= "done" then
      return "waiting"
    end
  end
  for _, name in ipairs(self.plan.phases[step.phase].base) do
    local left = self.left[name]
    if left and left.failed then
      return "blocked", left.failed
    elseif left and left.count > 0 then
      return "waiting"
    end
  end
  return "ready"
end

--- Notes what became of a step, for it and for the phase that it belongs to.
local function set_state(self, step, state)
  self.state[step.id] = state
  local left = self.left[step.phase]
  if state == "done" then
    left.count = left.count - 1
  elseif state == "failed" or state == "blocked" then
    left.failed = left.failed or step.id
  end
end

--- Whether all that a step needs is done.
---@param step table
---@return boolean
function Build:is_ready(step)
  return readiness(self, step) == "ready"
end

--- Marks as done what the store holds, as far as keys can be told without building.
---@return integer done
function Build:look()
  local count, found = 0, true
  while found do
    found = false
    for _, step in ipairs(self.plan.steps) do
      if self.state[step.id] == "waiting" and readiness(self, step) == "ready" then
        local inputs = key.inputs(self.context, step)
        local name = key.of(inputs)
        local meta = store.get(self.workspace, name)
        self.keys[step.id] = name
        if meta then
          set_state(self, step, "done")
          self.context.outputs[step.id] = meta.output
          count, found = count + 1, true
        end
      end
    end
  end
  return count
end

--- Why a step is built: what differs from the last time that it was.
local function reason(self, step, inputs)
  local history = self.history[step.id]
  local last = history and history.done and store.get(self.workspace, history.done.key)
  if last then
    return key.reason(last.inputs, inputs) or "its output is gone from the store"
  elseif history and history.ended then
    return history.ended.ok and "its output is gone from the store" or "it failed the last time"
  end
  return "it was never built here"
end

--- The ids of a phase's steps, sorted: the order in which their outputs lie on each other does not depend on the order
--- in which they are built.
---@param phase string
---@return string[]
function Build:phase_steps(phase)
  local ids = {}
  for _, step in ipairs(self.plan.steps) do
    if step.phase == phase then
      ids[#ids + 1] = step.id
    end
  end
  table.sort(ids)
  return ids
end

--- The trees of a step's root, the topmost first.
local function lowers(self, step)
  local out = {}
  for _, name in ipairs(self.plan.phases[step.phase].base) do
    if name == "seed" then
      table.insert(out, 1, "/")
    end
    for _, id in ipairs(self:phase_steps(name)) do
      table.insert(out, 1, store.output(self.workspace, self.keys[id]))
    end
  end
  for _, id in ipairs(plan.closure(self.by_id, step)) do
    table.insert(out, 1, store.output(self.workspace, self.keys[id]))
  end
  return out
end

--- Raises if any of these steps is not in the store.
---@param steps table[]
function Build:require_done(steps)
  local missing = {}
  for _, step in ipairs(steps) do
    if self.state[step.id] ~= "done" then
      missing[#missing + 1] = ("`%s`"):format(step.id)
    end
  end
  if #missing > 0 then
    fail.raise(("%s %s not built"):format(table.concat(missing, ", "), #missing == 1 and "is" or "are"), {
      hint = "build it: `bq scripts/coordinator.lua`",
    })
  end
end

--- The trees that a phase made, the topmost first. Raises if a step of it is not in the store.
---@param phase string
---@return string[]
function Build:phase_outputs(phase)
  local out, steps = {}, {}
  for _, id in ipairs(self:phase_steps(phase)) do
    steps[#steps + 1] = self.by_id[id]
  end
  self:require_done(steps)
  for _, step in ipairs(steps) do
    table.insert(out, 1, store.output(self.workspace, self.keys[step.id]))
  end
  return out
end

local function write_job(self, step, inputs)
  local phase = self.plan.phases[step.phase]
  local folder = self.trees:clear(step.id)
  step_root.clean(folder)
  local sources = {}
  for name in pairs(step.sources) do
    local locked = self.context.locked[source.id(step, name)]
    if not locked or not fs.stat(self.workspace:at("sources", locked.file)) then
      fail.raise(("the source of `%s` is not in the workspace"):format(step.id), {
        hint = "fetch it: `bq scripts/build_sysroot.lua`",
      })
    end
    sources[name] = { path = self.workspace:at("sources", locked.file), sha256 = locked.sha256, strip = source.strip(step, name, locked) }
  end
  local code = {}
  for name in pairs(step.code) do
    code[name] = self.plan.code[name]
  end
  local env = {}
  for name, value in pairs(phase.env) do
    env[name] = value
  end
  env.HOME = step_root.HOME
  env.SOURCE_DATE_EPOCH = tostring(self.plan.epoch)
  fs.write(folder .. "/job.json", json.encode {
    step = step,
    key = key.of(inputs),
    inputs = inputs,
    folder = folder,
    lowers = lowers(self, step),
    seed_at = step.seed_at,
    sources = sources,
    code = code,
    env = env,
    arch = self.plan.arch,
    kernel_arch = self.plan.kernel_arch,
    target = self.plan.target,
    prefix = phase.prefix,
    cross = not phase.needs_native,
    sysroot = self.plan.sysroot,
    epoch = self.plan.epoch,
    jobs = self.jobs,
    makeflags = self.jobserver.makeflags,
    pass = json.array(self.jobserver.fds),
    check = self.check or nil,
    observer = self.observer,
  }, { sync = false })
  return folder
end

local function start(self, step)
  local inputs = key.inputs(self.context, step)
  self.keys[step.id] = key.of(inputs)
  local why = reason(self, step, inputs)
  local folder = write_job(self, step, inputs)
  journal.add(self.workspace, { event = "start", step = step.id, key = self.keys[step.id], reason = why })
  local pid = process.spawn {
    argv = { process.executable(), "-e", "return os.exit(require('bq.run.launch')(...))", folder .. "/job.json" },
    log = folder .. "/entry/log",
    session = true,
    die_with_parent = true,
    pass = self.jobserver.fds,
  }
  self.running[pid] = { step = step, folder = folder }
  set_state(self, step, "running")
  self.report:started(step, why, folder .. "/entry/log")
end

--- The last lines of a log.
local function tail(path, count)
  local lines = {}
  for line in (files.read(path) or ""):gmatch "[^\n]+" do
    lines[#lines + 1] = json.text(line)
  end
  return table.move(lines, math.max(1, #lines - count + 1), #lines, 1, {})
end

local function failed(self, one, status)
  local id = one.step.id
  local log = self.workspace:at("logs", (id:gsub("/", "-")) .. ".log")
  fs.write(log, files.read(one.folder .. "/entry/log") or "", { sync = false })
  local failure = files.read(one.folder .. "/failure.json")
  failure = failure and json.decode(failure) or { lines = { status.signal and "error: ended by signal " .. status.signal or "error: ended with status " .. tostring(status.code) } }
  local details = {
    step = id,
    version = one.step.version,
    key = self.keys[id],
    log = self.workspace:shown(log),
    lines = failure.lines,
    command = failure.command,
    tail = json.array(tail(log, 20)),
    shell = ("bq scripts/enter.lua --step %s%s"):format(id, self.workspace:option()),
    seconds = status.seconds,
  }
  fs.write((log:gsub("%.log$", ".json")), json.encode(details, { pretty = true }), { sync = false })
  set_state(self, one.step, "failed")
  self.failures[#self.failures + 1] = details
  self.report:failed(one.step, details)
end

local function ended(self, status)
  self.trees:ended(status.pid)
  local one = self.running[status.pid]
  if not one then
    return
  end
  self.running[status.pid] = nil
  if self.holding > 0 then
    self.holding = self.holding - 1
    self.jobserver:release()
  end
  local id = one.step.id
  if fs.stat(one.folder .. "/" .. step_root.COPIED) then
    self.report:copied()
  end
  journal.add(self.workspace, { event = "end", step = id, key = self.keys[id], ok = status.ok, seconds = status.seconds })
  if not status.ok then
    failed(self, one, status)
    return
  end
  local meta = json.decode(fs.read(one.folder .. "/entry/meta.json"))
  store.put(self.workspace, self.keys[id], one.folder .. "/entry")
  self.trees:done(one.folder, self.keep_build)
  set_state(self, one.step, "done")
  self.context.outputs[id] = meta.output
  self.report:done(one.step, meta)
end

--- Ends all steps that are running, and all that they started.
local function stop(self)
  for pid in pairs(self.running) do
    process.kill(pid, "TERM")
  end
  local deadline = process.clock() + GRACE
  while next(self.running) do
    local left = deadline - process.clock()
    local status = left > 0 and process.wait_any { timeout = left } or nil
    if status and status.ok then
      -- It came to its end before the signal came to it.
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

--- Starts what is ready, as far as there are free jobs; whether a step waits for one.
local function start_ready(self)
  local waits = false
  for _, step in ipairs(self.plan.steps) do
    if self.state[step.id] == "waiting" then
      local state, by = readiness(self, step)
      if state == "blocked" then
        set_state(self, step, "blocked")
        self.report:blocked(step, by)
      elseif state == "ready" and not (self.stopping or waits) then
        local name = key.of(key.inputs(self.context, step))
        local meta = store.get(self.workspace, name)
        if meta then
          self.keys[step.id] = name
          set_state(self, step, "done")
          self.context.outputs[step.id] = meta.output
          self.report:reused(step)
          return start_ready(self)
        elseif self.jobserver:try_acquire() then
          self.holding = self.holding + 1
          start(self, step)
        else
          waits = true
        end
      end
    end
  end
  return waits
end

--- Removes the build trees that an earlier run has left.
function Build:sweep()
  self.trees:sweep(self.state)
end

--- Builds all that is not in the store.
---@return boolean ok
function Build:run()
  self.jobserver = process.jobserver(self.jobs)
  self.holding, self.failures = 0, {}
  self.history = journal.by_step(self.workspace)
  process.catch_signals { "INT", "TERM", "HUP" }
  journal.add(self.workspace, { event = "run", jobs = self.jobs })
  self.report:begin(self)
  while true do
    local waits = start_ready(self)
    self.trees:remove()
    if not (next(self.running) or self.trees:busy()) then
      break
    end
    local status = process.wait_any { timeout = waits and POLL or 1 }
    if status and status.caught then
      stop(self)
      journal.add(self.workspace, { event = "run_end", ok = false, signal = status.caught })
      self.report:finish(self)
      fail.raise("the build was stopped", {
        cause = "signal " .. status.caught,
        hint = "what is done is kept; go on by the same command",
        status = 130,
      })
    elseif status then
      ended(self, status)
      if #self.failures > 0 and not self.keep_going then
        self.stopping = true
      end
    end
    self.report:tick(self)
  end
  self:sweep()
  local ok = #self.failures == 0
  journal.add(self.workspace, { event = "run_end", ok = ok })
  self.report:finish(self)
  return ok
end

return coordinator
