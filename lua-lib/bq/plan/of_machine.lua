-- Programs of this machine in a plan for another architecture: a compiler that is emulated would take days. A phase says which of its
-- packages they are (`of_machine`), and they come to a phase of their own, a part of that phase as this machine's plan has it, with
-- the same keys. Phases that run what they build have it in their base.
local choice = require "bq.plan.choice"
local tables = require "bq.tables"

local of_machine = {}

---@class bq.OfMachine what of a phase is built for this machine, if the plan is for another architecture
---@field programs string[] packages
---@field with? string[] further packages beside these programs, for the architecture of the plan

---@class bq.Built what a step is built for
---@field arch string
---@field kernel_arch string
---@field target string the triple

--- The packages of a phase that are this machine's in a plan for another architecture.
---@param declared bq.Declaration
---@param phase bq.Phase
---@param selection bq.Selection
---@return bq.OfMachine? # `nil` if there are none
function of_machine.packages(declared, phase, selection)
  local programs, with = {}, {}
  if choice.of_machine(phase, selection) then
    for _, list in ipairs(choice.lists(declared, selection)) do
      local one = phase.of_machine[list] or { programs = {} } ---@type bq.OfMachine
      for _, name in ipairs(one.programs) do
        programs[#programs + 1] = not choice.is_without(selection, name, phase.name) and name or nil
      end
      tables.append(with, one.with)
    end
  end
  return #programs > 0 and { programs = programs, with = with } or nil
end

--- Whether a phase is all for this machine, in a plan for another architecture.
---@param phase bq.Phase
---@param selection bq.Selection
---@return boolean
function of_machine.is_whole(phase, selection)
  return phase.of_machine == true and choice.is_foreign(selection)
end

local function copy(phase)
  local out, packages = {}, {} ---@type table<string, any>, table<string, string[]>
  for field, value in pairs(phase) do
    out[field] = value
  end
  out.packages = packages
  return out, packages
end

--- The phase without these programs.
---@param phase bq.Phase
---@param own bq.OfMachine
---@return bq.Phase
function of_machine.without(phase, own)
  local out, packages = copy(phase)
  for list, names in pairs(phase.packages) do
    packages[list] = {}
    for _, name in ipairs(names) do
      if not tables.contains(own.programs, name) then
        table.insert(packages[list], name)
      end
    end
  end
  return out --[[@as bq.Phase]]
end

--- The phase as this machine's plan has it, and what it has besides.
---@param phase bq.Phase
---@param own bq.OfMachine
---@return bq.Phase
function of_machine.with(phase, own)
  local out, packages = copy(phase)
  for list, names in pairs(phase.packages) do
    packages[list] = tables.copy(names)
    if phase.of_machine[list] then
      tables.append(packages[list], own.with)
    end
  end
  return out --[[@as bq.Phase]]
end

--- Keeps of a phase the programs, what comes with them, and what they depend on: that is in no base.
---@param made table the plan, which is changed
---@param name string of the phase in the plan
---@param own bq.OfMachine
function of_machine.narrow(made, name, own)
  local by_id, kept = {}, {}
  local function keep(id)
    if not kept[id] then
      kept[id] = true
      for _, needed in ipairs(by_id[id].depends) do
        keep(needed)
      end
    end
  end
  for _, step in ipairs(made.steps) do
    by_id[step.id] = step
  end
  for _, step in ipairs(made.steps) do
    local is_asked = tables.contains(own.programs, step.name) or tables.contains(own.with or {}, step.name)
    if step.phase == name and is_asked then
      keep(step.id)
    elseif step.phase == name then
      step.in_base = false
    end
  end
  for index = #made.steps, 1, -1 do
    local step = made.steps[index]
    if step.phase == name and not kept[step.id] then
      table.remove(made.steps, index)
    end
  end
end

--- Gives a phase the programs of this machine, if it runs what it builds and stands on a phase that has such.
---@param phase bq.PlanPhase changed
---@param made bq.Plan with this phase and those before it
---@param twins table<string, string> the phases of such programs, by the phase that they are a part of
function of_machine.add_to(phase, made, twins)
  local found, seen, runs = {}, {}, false
  local function look(one)
    runs = runs or one.needs_native or false
    for _, name in ipairs(one.base) do
      if made.phases[name] and not seen[name] then
        seen[name] = true
        found[#found + 1] = twins[name]
        look(made.phases[name])
      end
    end
  end
  look(phase)
  for _, name in ipairs(runs and found or {}) do
    if not tables.contains(phase.base, name) then
      table.insert(phase.base, name)
    end
  end
end

--- The id of a step in the plan of the machine that it is built for.
---@param made table the plan
---@param step table
---@return string
function of_machine.id(made, step)
  return (made.phases[step.phase].as or step.phase) .. "/" .. step.name
end

return of_machine
