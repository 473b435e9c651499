-- The state of a build: which steps of a plan are done, their keys and outputs, and which can be built next. This file
-- builds nothing: the coordinator (`bq.run.coordinator`) updates the state while it builds.
--
--   local state = require "bq.run.state"
--   local build = state.look(space, space:plan())
--   print(build.states["system/zlib"], build.keys["system/zlib"], build.outputs["system/zlib"])
local fail = require "bq.fail"
local graph = require "bq.plan.graph"
local key = require "bq.plan.key"
local of_machine = require "bq.plan.of_machine"
local siblings = require "bq.run.siblings"
local store = require "bq.store"
local tables = require "bq.tables"

local state = {}

---@class bq.State
---@field workspace bq.Workspace
---@field plan table
---@field by_id table<string, table> steps
---@field states table<string, "waiting"|"running"|"done"|"failed"|"blocked"> by step id
---@field keys table<string, string> by step id, as far as they are known
---@field outputs table<string, string> output digests by step id, of what is done
---@field context bq.KeyContext
---@field damaged table<string, bq.Damage> damaged outputs by step id
---@field absent table<string, string> keys of done steps by id, whose outputs are in a shared store or cache only
---@field package glanced table<string, true> steps whose trees were checked
---@field package left table<string, { count: integer, failed?: string }> by phase, what its base lacks
local State = {}
State.__index = State

--- The phase whose base has a step's output. A step that later phases do not see stands for itself.
local function base_of(step)
  return step.in_base ~= false and step.phase or step.id
end

--- The initial state of a plan: every step waits.
---@param space bq.Workspace
---@param made table the plan
---@return bq.State
function state.new(space, made)
  local lock, staged = space:locked(), space:staged()
  local self =
    setmetatable({ workspace = space, plan = made, by_id = {}, states = {}, keys = {}, outputs = {}, left = {} }, State)
  self.damaged, self.glanced, self.absent = {}, {}, {}
  for _, step in ipairs(made.steps) do
    self.by_id[step.id] = step
    self.states[step.id] = "waiting"
    local base = base_of(step)
    self.left[base] = self.left[base] or { count = 0 }
    self.left[base].count = self.left[base].count + 1
  end
  self.context = {
    plan = made,
    by_id = self.by_id,
    -- If a chroot is read from outside, its root is not in its workspace. The lock contains the seed's digest too.
    seed = staged and staged.seed_digest or lock.seed and lock.seed.digest or "unknown",
    locked = lock.sources or {},
    outputs = self.outputs,
    below = {},
    phase_digests = {},
  }
  return self
end

--- The state of a plan, with the steps that are in the store.
---@param space bq.Workspace
---@param made table the plan
---@return bq.State
function state.look(space, made)
  local self = state.new(space, made)
  self:look()
  return self
end

--- Whether a step can be built now: `ready`, `waiting`, or `blocked` by a step that failed.
---@param step table
---@return "ready"|"waiting"|"blocked"
---@return string? by
function State:readiness(step)
  for _, id in ipairs(step.depends) do
    local one = self.states[id]
    if one == "failed" or one == "blocked" then
      return "blocked", id
    elseif one ~= "done" then
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

--- How many steps of a phase are not built yet, of those that later phases see.
---@param phase string
---@return integer
function State:left_of(phase)
  return self.left[phase] and self.left[phase].count or 0
end

--- Sets the state of a step, and updates its phase.
---@param step table
---@param value "waiting"|"running"|"done"|"failed"|"blocked"
---@param output? string of a step that is done: the digest of its output
function State:set(step, value, output)
  self.states[step.id] = value
  local left = self.left[base_of(step)]
  if value == "done" then
    self.outputs[step.id] = output
    left.count = left.count - 1
  elseif value == "failed" or value == "blocked" then
    left.failed = left.failed or step.id
  end
end

--- Looks for a ready step in the store. If its output is there, or known to be elsewhere, the step is done.
---@param step table
---@return boolean
function State:find(step)
  local name = key.of(key.inputs(self.context, step))
  self.keys[step.id] = name
  local meta, why = store.get(self.workspace, name)
  self.absent[step.id] = nil
  if not meta and not why then
    meta = store.known(self.workspace, name)
    self.absent[step.id] = meta and name
  end
  if meta then
    self:set(step, "done", meta.output)
  end
  local own = of_machine.id(self.plan, step)
  self.damaged[step.id] = why and { key = name, step = step.id, own = own, why = why } or nil
  return meta ~= nil
end

--- Checks the tree of a finished step for damage, once, before it is used.
---@param id string
---@return bq.Damage?
function State:glance(id)
  local key = self.keys[id]
  if self.glanced[key] or self.absent[id] then
    return nil
  end
  local meta, why = store.get(self.workspace, key)
  why = why or not meta and "it is gone" or store.glance(self.workspace, meta)
  if why then
    local own = of_machine.id(self.plan, self.by_id[id])
    return { key = key, step = id, own = own, output = self.outputs[id], why = why }
  end
  self.glanced[key] = true
end

--- Sets finished steps back to waiting, and their dependents too.
---@param ids string[]
---@return string[] ids of running steps that are built from it
function State:forget(ids)
  local lost, running = graph.new(self.plan):dependents(ids), {}
  for _, id in ipairs(ids) do
    lost[id] = true
  end
  for _, step in ipairs(self.plan.steps) do
    if lost[step.id] and self.states[step.id] == "running" then
      running[#running + 1] = step.id
    elseif lost[step.id] and self.states[step.id] == "done" then
      self.states[step.id] = "waiting"
      self.left[base_of(step)].count = self.left[base_of(step)].count + 1
    end
    if lost[step.id] then
      self.outputs[step.id], self.glanced[self.keys[step.id] or ""] = nil, nil
    end
  end
  self.context.below, self.context.phase_digests = {}, {}
  return running
end

--- Marks the steps in the store as done, as far as their keys are known without building.
---@return integer done
function State:look()
  local count, found = 0, true
  while found do
    found = false
    for _, step in ipairs(self.plan.steps) do
      if self.states[step.id] == "waiting" and self:readiness(step) == "ready" and self:find(step) then
        count, found = count + 1, true
      end
    end
  end
  return count
end

--- The ids of a phase's steps, the lowest of their outputs first.
---@param phase string
---@return string[]
function State:phase_steps(phase)
  local ids = {}
  for _, step in ipairs(self.plan.steps) do
    if step.phase == phase then
      ids[#ids + 1] = step.id
    end
  end
  return siblings.layered(self.by_id, ids)
end

--- The layers of a step's root, the lowest first: ids of steps, and `seed`.
---@param step table
---@return string[]
function State:layers(step)
  local out = {}
  for _, name in ipairs(self.plan.phases[step.phase].base) do
    out[#out + 1] = name == "seed" and name or nil
    for _, id in ipairs(self:phase_steps(name)) do
      out[#out + 1] = base_of(self.by_id[id]) == name and id or nil
    end
  end
  return tables.append(out, siblings.layered(self.by_id, graph.closure(self.by_id, step)))
end

--- The trees of a step's root, the topmost first. All dependencies of the step have to be done.
---@param step table
---@return string[]
function State:lowers(step)
  local out = {}
  for _, id in ipairs(self:layers(step)) do
    table.insert(out, 1, id == "seed" and "/" or store.output(self.workspace, self.keys[id]))
  end
  return out
end

--- The damaged outputs among the layers of a step's root.
---@param step table
---@return bq.Damage[]
function State:damage_below(step)
  local out = {}
  for _, id in ipairs(self:layers(step)) do
    out[#out + 1] = id ~= "seed" and self:glance(id) or nil
  end
  return out
end

--- Raises if any of these steps is not in the store.
---@param steps table[]
function State:require_done(steps)
  local missing = {}
  for _, step in ipairs(steps) do
    if self.absent[step.id] then
      fail.raise(("the output of `%s` is not here, but in a shared store or cache"):format(step.id), {
        hint = ("fetch it: `bq scripts/copy.lua %s --from PLACE`"):format(step.id),
      })
    end
    if self.states[step.id] ~= "done" then
      missing[#missing + 1] = ("`%s`"):format(step.id)
    end
  end
  if #missing > 0 then
    fail.raise(("%s %s not built"):format(table.concat(missing, ", "), #missing == 1 and "is" or "are"), {
      hint = ("build it: `bq scripts/coordinator.lua%s`"):format(self.workspace:option()),
    })
  end
end

--- Raises if an output is damaged; called before it is used.
---@param id string
function State:require_sound(id)
  local found, option = self:glance(id), self.workspace:option()
  if found then
    fail.raise(("the output of `%s` is damaged"):format(id), {
      cause = found.why,
      hint = ("remove it, and what was built from it: `bq scripts/verify.lua --store%s`; then build it again: "):format(
        option
      ) .. ("`bq scripts/coordinator.lua%s`"):format(option),
    })
  end
end

--- The outputs of a phase, the topmost first. Raises if a step of the phase is not in the store.
---@param phase string
---@return string[]
function State:phase_outputs(phase)
  local out, steps = {}, {}
  for _, id in ipairs(self:phase_steps(phase)) do
    steps[#steps + 1] = self.by_id[id]
  end
  self:require_done(steps)
  for _, step in ipairs(steps) do
    self:require_sound(step.id)
    table.insert(out, 1, store.output(self.workspace, self.keys[step.id]))
  end
  return out
end

return state
