-- Outputs that were damaged in the store, and what was built from them: all of it goes, and is built again.
local store = require "bq.store"

local damage = {}

---@class bq.Damage
---@field key string
---@field step? string `nil` where nobody knows it any more
---@field output? string the digest that it had; `nil` where nobody knows it any more
---@field why string

--- Whether an entry was built from one of these outputs.
---@param meta bq.Meta
---@param bad table<string, table<string, true>|true> digests by step id; `true` for any
---@param phases table<string, true> those that bad outputs belong to
local function rests_on(meta, bad, phases)
  for id, input in pairs(meta.inputs.depends or {}) do
    if bad[id] and (bad[id] == true or type(input) == "table" and bad[id][input.output]) then
      return true
    end
  end
  -- A key has the outputs of a whole phase as one digest: which one is bad is not to be told from it.
  for phase in pairs(meta.inputs.base or {}) do
    if phases[phase] then
      return true
    end
  end
  return false
end

--- The entries that were built from damaged ones, near or far.
---@param workspace bq.Workspace
---@param found bq.Damage[]
---@return bq.Meta[]
function damage.built_from(workspace, found)
  local bad, phases, left, out = {}, {}, {}, {}
  local function add(id, output)
    local phase = id:match "^(.-)/"
    if phase then
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
    if one.step then
      add(one.step, one.output)
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
      if rests_on(meta, bad, phases) then
        add(meta.step, meta.output)
        out[#out + 1] = table.remove(left, index)
        again = true
      end
    end
  end
  return out
end

--- Removes damaged entries, and what was built from them.
---@param workspace bq.Workspace
---@param found bq.Damage[]
---@return bq.Meta[] built what went because it was built from a damaged one
function damage.remove(workspace, found)
  local built = damage.built_from(workspace, found)
  -- First what rests on it: after a kill in between, the damaged one is still there to be found.
  for _, meta in ipairs(built) do
    store.remove(workspace, meta.key)
  end
  for _, one in ipairs(found) do
    store.remove(workspace, one.key)
  end
  return built
end

return damage
