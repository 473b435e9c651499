-- The packages that come along: what the packages of a phase depend on, and what they start at run time.
local choice = require "bq.plan.choice"
local tables = require "bq.tables"

local along = {}

--- The packages of a phase's base that its steps see in the place where their own go: those of the phases with the same prefix.
---@param made table the plan, with the phases so far
---@param phase string
---@return table<string, true> by name
function along.below(made, phase)
  local out, bases = {}, {}
  for _, name in ipairs(made.phases[phase].base) do
    bases[name] = name ~= "seed" and made.phases[name].prefix == made.phases[phase].prefix
  end
  for _, step in ipairs(made.steps) do
    out[step.name] = bases[step.phase] and step.in_base ~= false or out[step.name]
  end
  return out
end

--- The packages of a phase with all that come along, those that were named first.
---@param names string[]
---@param fields_of fun(name: string): table? the fields of a recipe for this phase; `nil` if there is no such recipe
---@param phase bq.Phase
---@param selection bq.Selection
---@param below table<string, true> packages that the base has
---@return string[]
function along.packages(names, fields_of, phase, selection, below)
  local out, seen = tables.copy(names), {}
  for _, name in ipairs(names) do
    seen[name] = true
  end
  local index = 1
  while out[index] do
    local fields = fields_of(out[index]) or {}
    for _, list in ipairs { not phase.apart and fields.depends or {}, fields.runs_with or {} } do
      for _, name in ipairs(list) do
        -- What is left out on purpose, and what has no recipe, is named as a mistake when the steps are sorted.
        local comes = not seen[name] and not below[name] and not choice.is_without(selection, name, phase.name)
        if comes and fields_of(name) then
          seen[name] = true
          out[#out + 1] = name
        end
      end
    end
    index = index + 1
  end
  return out
end

--- Why a package cannot be built in a phase whose steps do not see each other; `nil` if it can.
---@param fields table of the recipe
---@param phase bq.Phase
---@param below table<string, true>
---@return string?
function along.refusal(fields, phase, below)
  for _, name in ipairs(phase.apart and fields.depends or {}) do
    if not below[name] then
      return ("`%s` depends on `%s`, and packages of phase `%s` do not see each other; name another phase: `--with %s@PHASE`"):format(
        fields.name,
        name,
        phase.name,
        fields.name
      )
    end
  end
end

return along
