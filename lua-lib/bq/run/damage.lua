-- Damaged outputs in the store. They are removed with all entries that were built from them, and are built again.
local store = require "bq.store"

local damage = {}

---@class bq.Damage
---@field key string
---@field step? string `nil` if its record is lost
---@field own? string the step's id in the plan of the machine that it is built for, as records have it
---@field output? string the digest that it had; `nil` if its record is lost
---@field why string

--- Whether an entry was built from one of these outputs.
---@param meta bq.Meta
---@param bad table<string, table<string, true>|true> digests by step id; `true` for any
---@param phases table<string, true> the phases whose base has damaged outputs
local function is_built_from(meta, bad, phases)
  for id, input in pairs(meta.inputs.depends or {}) do
    if bad[id] and (bad[id] == true or type(input) == "table" and bad[id][input.output]) then
      return true
    end
  end
  -- A key contains one digest for all outputs of a phase. It does not tell which of them is damaged.
  for phase in pairs(meta.inputs.base or {}) do
    if phases[phase] then
      return true
    end
  end
  return false
end

--- The entries that were built from damaged ones, directly or indirectly.
---@param workspace bq.Workspace
---@param found bq.Damage[]
---@return bq.Meta[]
function damage.built_from(workspace, found)
  local bad, phases, left, out = {}, {}, {}, {}
  local function add(id, output, meta)
    local phase, fields = id:match "^(.-)/", meta and meta.inputs.fields
    local is_seen = type(fields) ~= "table" or fields.in_base ~= false
    if phase and is_seen then
      phases[phase] = true
    end
    if not output then
      bad[id] = true
    elseif bad[id] ~= true then
      bad[id] = bad[id] or {}
      bad[id][output] = true
    end
  end
  local is_found = {}
  for _, one in ipairs(found) do
    is_found[one.key] = true
    local meta = store.get(workspace, one.key)
    for _, id in ipairs { one.step, one.own ~= one.step and one.own or nil } do
      add(id, one.output, meta)
    end
  end
  for _, key in ipairs(store.keys(workspace)) do
    left[#left + 1] = not is_found[key] and store.get(workspace, key) or nil
  end
  local again = #left > 0
  while again do
    again = false
    for index = #left, 1, -1 do
      local meta = left[index]
      if is_built_from(meta, bad, phases) then
        add(meta.step, meta.output, meta)
        out[#out + 1] = table.remove(left, index)
        again = true
      end
    end
  end
  return out
end

--- Removes damaged entries and all entries that were built from them.
---@param workspace bq.Workspace
---@param found bq.Damage[]
---@return bq.Meta[] built the removed entries that were built from damaged ones
function damage.remove(workspace, found)
  local built = damage.built_from(workspace, found)
  -- Dependents go first. If bq is killed in between, the damaged entry is still there and is found again.
  for _, meta in ipairs(built) do
    store.remove(workspace, meta.key)
  end
  for _, one in ipairs(found) do
    store.remove(workspace, one.key)
  end
  return built
end

--- Removes damaged outputs and their dependents in a run. Dependents that are running now are built again later.
---@param run bq.Run
---@param found bq.Damage[]
function damage.drop(run, found)
  local built = damage.remove(run.workspace, found)
  local gone = {}
  for _, one in ipairs(found) do
    run.display:damaged(one)
    run.state.damaged[one.step], gone[one.key] = nil, true
  end
  for _, meta in ipairs(built) do
    gone[meta.key] = true
  end
  -- More may go than what the plan builds from it.
  local ids = {}
  for _, step in ipairs(run.plan.steps) do
    ids[#ids + 1] = gone[run.state.keys[step.id]] and step.id or nil
  end
  for _, id in ipairs(run.state:forget(ids)) do
    run.built_on_damage[id] = true
  end
  run.display:removed(built)
end

return damage
