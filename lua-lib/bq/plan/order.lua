-- The order of a phase's steps: each after those that it depends on.
local json = require "bq.json"
local nearest = require "bq.nearest"
local tables = require "bq.tables"

local order = {}

--- Resolves names to step ids, optional ones that are not in the phase left out; sorts by dependency.
---@param recipes bq.Recipes where problems are noted
---@param steps table[] of one phase
---@param by_name table<string, table>
---@param below? table<string, any> packages that the phase's base has: no steps of the phase are needed for them
---@return table[] sorted
function order.sort(recipes, steps, by_name, below)
  local sorted, state = {}, {}
  local function visit(step, trail)
    if state[step.name] == "done" then
      return
    end
    if state[step.name] then
      local cycle = { step.name }
      for index = #trail, 1, -1 do
        table.insert(cycle, 1, trail[index])
        if trail[index] == step.name then
          break
        end
      end
      local what = "the dependencies form a cycle: " .. table.concat(cycle, " → ")
      recipes:problem(recipes:get(step.name), "depends", what)
      return
    end
    state[step.name] = "open"
    trail[#trail + 1] = step.name
    local ids = json.array {}
    for _, name in ipairs(step.depends) do
      local needed = by_name[name]
      if needed then
        visit(needed, trail)
        ids[#ids + 1] = needed.id
        -- What is made of the seed's programs needs them wherever it is used.
        step.seed_at = step.seed_at or needed.seed_at
      elseif not (below and below[name]) then
        local near = nearest(name, by_name)
        local there = recipes:get(name)
        local where = there and "which is not in" or "for which there is no recipe; in"
        local advice = near and not there and (": did you mean `%s`?"):format(near) or ""
        local what = ("`%s` needs `%s`, %s phase `%s`%s"):format(step.name, name, where, step.phase, advice)
        recipes:problem(recipes:get(step.name), "depends", what)
      end
    end
    for _, name in ipairs(step.uses or {}) do
      local used = by_name[name]
      if used and not tables.contains(ids, used.id) then
        visit(used, trail)
        ids[#ids + 1] = used.id
        step.seed_at = step.seed_at or used.seed_at
      end
    end
    table.remove(trail)
    table.sort(ids)
    step.depends, step.uses = ids, nil
    state[step.name] = "done"
    sorted[#sorted + 1] = step
  end
  for _, step in ipairs(steps) do
    visit(step, {})
  end
  return sorted
end

--- Puts the phase's first packages below all the others.
---@param phase bq.Phase
---@param steps table[]
---@param by_name table<string, table>
function order.add_first(phase, steps, by_name)
  local below = {}
  local function mark(name)
    local step = by_name[name]
    if step and not below[name] then
      below[name] = true
      for _, list in ipairs { step.depends, step.uses or {} } do
        for _, needed in ipairs(list) do
          mark(needed)
        end
      end
    end
  end
  for _, name in ipairs(phase.first or {}) do
    mark(name)
  end
  for _, step in ipairs(steps) do
    if not below[step.name] then
      step.uses = tables.append(tables.copy(step.uses), phase.first)
    end
  end
end

return order
