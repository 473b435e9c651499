-- Checks that the packages of one root do not conflict at any path.
local tables = require "bq.tables"
local union = require "bq.stage.union"

local siblings = {}

--- Sorts steps in the order of their layers, the lowest first: those that yield paths, then the others, each by id. The
--- order of building does not matter.
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

--- The finished steps whose outputs are in one root with that of a step: those of its phase. If the phase is part of
--- the finished root, also those of the other phases of the finished root.
---@param state bq.State
---@param step table
---@return table[]
function siblings.done(state, step)
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

--- Raises if an output and another package of the same root differ at a path, and neither yields.
---@param state bq.State
---@param step table whose output it is
---@param output string its tree
---@param attributes? table<string, bq.Attribute>
function siblings.check(state, step, output, attributes)
  local parts = {}
  for _, sibling in ipairs(siblings.done(state, step)) do
    -- What was found elsewhere while the step was built may not be here yet. The finished root is checked as a whole.
    if not state.absent[sibling.id] then
      local part = union.part(state, sibling)
      -- Paths that the finished root leaves out are still in the roots of steps.
      part.leave_out = nil
      parts[#parts + 1] = part
    end
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
