-- Finds steps by what a user types.
local fail = require "bq.fail"
local nearest = require "bq.nearest"

local find = {}

--- Whether a name means a step: `system/zlib`, `system-zlib`, or `zlib`.
---@param step table
---@param name string
---@return boolean
function find.is(step, name)
  return name == step.id or name == step.id:gsub("/", "-") or name == step.name
end

--- The step that a name means. Raises if there is none, or more than one.
---@param steps table[]
---@param name string
---@return string id
function find.step(steps, name)
  local found = find.steps(steps, name)
  if #found > 1 then
    fail.usage(("`%s` may mean %s"):format(name, table.concat(found, " or ")), "write the phase, too: PHASE/NAME")
  end
  return found[1]
end

--- The steps that a name means: one step, or all steps of a package. Raises if there is none.
---@param steps table[]
---@param name string
---@return string[] ids
function find.steps(steps, name)
  local found, known = {}, {}
  for _, step in ipairs(steps) do
    known[#known + 1] = step.id
    known[#known + 1] = step.name
    if find.is(step, name) then
      found[#found + 1] = step.id
    end
  end
  if #found == 0 then
    local near = nearest(name, known)
    fail.usage(
      ("no step `%s` in the plan"):format(name),
      near and ("did you mean `%s`?"):format(near) or "`bq scripts/status.lua` lists the steps"
    )
  end
  return found
end

return find
