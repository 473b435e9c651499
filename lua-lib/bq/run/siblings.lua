-- Packages that come into one root have to agree on what each path is.
local tables = require "bq.tables"
local union = require "bq.stage.union"

local siblings = {}

--- Steps in the order in which their outputs lie on each other, the lowest first: those that yield paths, then the others,
--- each by id. It does not depend on the order in which they are built.
---@param by_id table<string, table> steps
---@param ids string[] changed
---@return string[] ids
function siblings.layered(by_id, ids)
  table.sort(ids, function(a, b)
    local a_yields, b_yields = by_id[a].yields ~= nil, by_id[b].yields ~= nil
    if a_yields ~= b_yields then
      return a_yields
    end
    return a < b
  end)
  return ids
end

--- The steps that are done, and whose outputs come into one root with that of a step: those of its phase, and if that is a
--- phase of the finished root, those of the others that it is made of.
---@param state bq.State
---@param step table
---@return table[]
local function done(state, step)
  local phases, out = { [step.phase] = true }, {}
  if tables.contains(state.plan.finish, step.phase) then
    for _, name in ipairs(state.plan.finish) do
      phases[name] = true
    end
  end
  for _, name in ipairs(state.plan.phase_order) do
    for _, id in ipairs(phases[name] and state:phase_steps(name) or {}) do
      if state.states[id] == "done" and id ~= step.id then
        out[#out + 1] = state.by_id[id]
      end
    end
  end
  return out
end

--- Raises if an output has a path that another package of the same root has, too, and neither gives way.
---@param state bq.State
---@param step table whose output it is
---@param output string its tree
---@param attributes? table<string, bq.Attribute>
function siblings.check(state, step, output, attributes)
  local parts = {}
  for index, sibling in ipairs(done(state, step)) do
    parts[index] = union.part(state, sibling)
    -- What the finished root does not take is in the roots of steps all the same.
    parts[index].leave_out = nil
  end
  parts[#parts + 1] = {
    package = ("%s %s"):format(step.name, step.version),
    path = output,
    attributes = attributes,
    yields = step.yields,
  }
  union.check(parts)
end

return siblings
