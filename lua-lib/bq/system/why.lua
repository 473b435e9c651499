-- Why a package is in a plan and in a root, in words.
local choice = require "bq.plan.choice"
local closure = require "bq.system.closure"
local fail = require "bq.fail"
local nearest = require "bq.nearest"
local tables = require "bq.tables"

local why = {}

-- How many files of one package are shown.
local MAX_SHOWN <const> = 5

--- The lines about the steps of a package: who depends on them, and whether they were asked for.
local function of_plan(build, steps, out)
  local asked = choice.asked { with = build.plan.selection.with, system = build.plan.system }
  for _, step in ipairs(steps) do
    local needed = {}
    for _, other in ipairs(build.plan.steps) do
      needed[#needed + 1] = tables.contains(other.depends, step.id) and other.name or nil
    end
    out[#out + 1] = ("%s %s is built: %s"):format(
      step.id,
      step.version,
      #needed > 0 and table.concat(needed, ", ") .. (#needed == 1 and " depends on it" or " depend on it")
        or tables.contains(asked, step.name) and "it was asked for"
        or ("it is of set `%s`"):format(build.plan.set)
    )
  end
end

--- The lines about the root that was asked for.
local function of_root(build, name, out)
  local root = build.plan.root
  if not root then
    return
  end
  local candidate = closure.candidates(build)[name]
  for _, step in tables.sorted(closure.candidates(build)) do
    if build.states[step.id] ~= "done" then
      out[#out + 1] = ("whether it is in the root is known when `%s` and the others are built"):format(step.id)
      return
    end
  end
  local found = closure.of(build)
  local reasons = candidate and found.why[candidate.id]
  if not reasons then
    out[#out + 1] = "it is not in the root: nobody asked for it, and no file of the root needs it"
    return
  end
  out[#out + 1] = "it is in the root:"
  local count = {} ---@type table<string, integer>
  for _, one in ipairs(reasons) do
    count[one.by] = (count[one.by] or 0) + 1
    if count[one.by] <= MAX_SHOWN then
      out[#out + 1] = ("  %s: %s"):format(one.by, one.what)
    end
  end
  for by, number in tables.sorted(count) do
    out[#out + 1] = number > MAX_SHOWN and ("  %s: %d files more"):format(by, number - MAX_SHOWN) or nil
  end
end

--- Why a package is there.
---@param build bq.State that has looked into the store
---@param name string
---@return string[] lines
function why.lines(build, name)
  local steps, known, out = {}, {}, {}
  for _, step in ipairs(build.plan.steps) do
    known[step.name] = true
    steps[#steps + 1] = step.name == name and step or nil
  end
  if #steps == 0 then
    local near = nearest(name, known)
    fail.usage(
      ("`--why %s`: the plan has no such package"):format(name),
      near and ("did you mean `--why %s`?"):format(near) or "`bq scripts/status.lua` lists what is built"
    )
  end
  of_plan(build, steps, out)
  of_root(build, name, out)
  return out
end

return why
