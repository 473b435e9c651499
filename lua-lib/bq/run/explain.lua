-- What a step's key is made of, why the step would be built now, and what a change of it would build again. Reads the
-- plan, the store and the journal; builds nothing.
local graph = require "bq.plan.graph"
local journal = require "bq.journal"
local json = require "bq.json"
local key = require "bq.plan.key"
local reason = require "bq.run.reason"
local store = require "bq.store"

local explain = {}

---@class bq.Explain
---@field build bq.State
---@field graph bq.Graph
---@field history table<string, bq.History>
---@field package metas table<string, bq.Meta|false> by step, as far as they were read
local Explain = {}
Explain.__index = Explain

---@param build bq.State whose finished steps are known (`state.look`)
---@return bq.Explain
function explain.new(build)
  return setmetatable(
    { build = build, graph = graph.new(build.plan), history = journal.by_step(build.workspace), metas = {} },
    Explain
  )
end

--- The reason for which the step would be built now, or was built the last time.
---@param id string
---@return string? reason `nil` if its output is in the store, or if it waits for other steps
function Explain:reason(id)
  local build = self.build
  local step = build.by_id[id]
  if build.states[id] == "done" or build:readiness(step) ~= "ready" then
    return nil
  end
  return reason(build.workspace, self.history[id], key.inputs(build.context, step))
end

--- The steps that have to be built before the key of a step is known, and that can be built now.
---@param id string
---@return string[] ids in the order of the plan
function Explain:waits_for(id)
  local build, below, out = self.build, {}, {}
  local function visit(one)
    if below[one] or build.states[one] == "done" then
      return
    end
    below[one] = true
    for _, needed in ipairs(build.by_id[one].depends) do
      visit(needed)
    end
    for _, phase in ipairs(build.plan.phases[build.by_id[one].phase].base) do
      if phase ~= "seed" and not below[phase] then
        below[phase] = true
        for _, other in ipairs(build.plan.steps) do
          if other.phase == phase and other.in_base ~= false then
            visit(other.id)
          end
        end
      end
    end
  end
  visit(id)
  for _, step in ipairs(build.plan.steps) do
    if below[step.id] and step.id ~= id and build:readiness(step) == "ready" then
      out[#out + 1] = step.id
    end
  end
  return out
end

---@class bq.KeyField
---@field name string for example `depends system/musl output`
---@field value string JSON, or the text itself

--- The inputs of a step, field by field, sorted.
---@param inputs table as in `key.inputs`
---@return bq.KeyField[]
function explain.fields(inputs)
  local out = {}
  local function add(name, value)
    local is_map = type(value) == "table" and next(value) ~= nil and #value == 0
    if is_map then
      local names = {}
      for one in pairs(value) do
        names[#names + 1] = one
      end
      table.sort(names)
      for _, one in ipairs(names) do
        add(name == "" and one or name .. " " .. one, value[one])
      end
    else
      out[#out + 1] = { name = name, value = type(value) == "string" and value or json.encode(value) }
    end
  end
  add("", inputs)
  return out
end

--- The record of the output of a step; `nil` if it is not in the store.
---@param id string
---@return bq.Meta?
function Explain:meta(id)
  local found = self.metas[id]
  if found == nil then
    local name = self.build.keys[id]
    found = name and store.get(self.build.workspace, name) or false
    self.metas[id] = found
  end
  return found or nil
end

--- The seconds that a step took the last time; `nil` if that is not known.
---@param id string
---@return number?
function Explain:seconds(id)
  local meta = self:meta(id)
  local history = self.history[id]
  return meta and meta.seconds or history and history.done and history.done.seconds
end

---@class bq.Rebuild
---@field steps string[] ids in the order of the plan
---@field seconds number the sum of what they took the last time
---@field longest number seconds of their longest chain
---@field unknown integer how many were never built here

--- What a change of these steps can build again: the steps themselves and their dependents. A dependent is reused if the
--- outputs that it is built from come out as before, so this is the most that is built.
---@param ids string[]
---@return bq.Rebuild
function Explain:rebuild(ids)
  local set = self.graph:dependents(ids)
  for _, id in ipairs(ids) do
    set[id] = true
  end
  local out = { steps = json.array {}, seconds = 0, longest = 0, unknown = 0 }
  local seconds = {}
  for _, step in ipairs(self.build.plan.steps) do
    if set[step.id] then
      out.steps[#out.steps + 1] = step.id
      seconds[step.id] = self:seconds(step.id)
      out.seconds = out.seconds + (seconds[step.id] or 0)
      out.unknown = out.unknown + (seconds[step.id] and 0 or 1)
    end
  end
  out.longest = self.graph:longest(set, seconds)
  return out
end

return explain
