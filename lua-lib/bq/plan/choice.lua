-- What a command line picks from a plan: a set, packages more or fewer, an architecture.
local declaration = require "bq.plan.declaration"
local fail = require "bq.fail"
local json = require "bq.json"
local nearest = require "bq.nearest"
local tables = require "bq.tables"

local choice = {}

---@class bq.Selection
---@field set string
---@field arch string
---@field machine? string the architecture of the machine that builds; that of the plan if absent
---@field foreign_workers? boolean phases that run what they build get no programs of this machine
---@field only? string[]
---@field with? string[] `name`, or `name@phase`
---@field without? string[]
---@field image? bq.ImageSpec what an image of it is to be
---@field system? bq.System a system instead of the set's own packages: the set says what builds it

--- A word of `--with` and its like: `name`, or `name@phase`.
local function split(word)
  return word:match "^([^@]*)@?(.*)$"
end

--- The lists of packages that a selection builds.
---@param declared bq.Declaration
---@param selection bq.Selection
---@return string[]
function choice.lists(declared, selection)
  if not selection.system then
    return declared.sets[selection.set]
  end
  local out = tables.copy(declared.roots.sets[selection.set].lists)
  return selection.system.disk ~= false and tables.append(out, declared.roots.disk) or out
end

--- Whether the plan is for another architecture than that of the machine that builds.
---@param selection bq.Selection
---@return boolean
function choice.is_foreign(selection)
  return selection.machine ~= nil and selection.machine ~= selection.arch
end

--- The phase that has a phase's programs of this machine, in a plan for another architecture.
---@param phase bq.Phase
---@param selection bq.Selection
---@return string? name `nil` if there are none
function choice.of_machine(phase, selection)
  return type(phase.of_machine) == "table"
      and choice.is_foreign(selection)
      and not selection.foreign_workers
      and ("%s-%s"):format(phase.name, selection.machine)
    or nil
end

--- Whether a package of a phase is left out.
---@param selection bq.Selection
---@param name string
---@param phase string
---@return boolean
function choice.is_without(selection, name, phase)
  for _, word in ipairs(selection.without or {}) do
    local left_out, where = split(word)
    if left_out == name and (where == "" or where == phase) then
      return true
    end
  end
  return false
end

--- The names of a phase's packages, as the selection wants them.
---@param declared bq.Declaration
---@param phase bq.Phase
---@param selection bq.Selection
---@param below? table<string, any> packages that the phase's base has already
---@return string[]
function choice.packages(declared, phase, selection, below)
  local names, seen = {}, {}
  local function add(name)
    if not seen[name] and not choice.is_without(selection, name, phase.name) then
      seen[name] = true
      names[#names + 1] = name
    end
  end
  for _, list in ipairs(choice.lists(declared, selection)) do
    for _, name in ipairs(phase.packages[list] or {}) do
      add(name)
    end
  end
  local is_extended = phase.name == declaration.extended(declared, selection.set).name
  for _, name in ipairs(selection.system and is_extended and selection.system.packages or {}) do
    if not (below and below[name]) then
      add(name)
    end
  end
  for _, word in ipairs(selection.with or {}) do
    local name, where = split(word)
    if where == phase.name or where == "" and is_extended and not (below and below[name]) then
      add(name)
    end
  end
  return names
end

--- The names of the packages that were asked for, of `--with` or of a system.
---@param selection { with: string[], system?: bq.System }
---@return string[]
function choice.asked(selection)
  local names = tables.copy(selection.system and selection.system.packages)
  for _, word in ipairs(selection.with or {}) do
    names[#names + 1] = split(word)
  end
  return names
end

--- The selection for a plan that has fewer phases: without what was picked for the others.
---@param selection bq.Selection
---@param phases string[]
---@return bq.Selection
function choice.inside(selection, phases)
  local out = { set = selection.set, arch = selection.arch, system = selection.system, image = selection.image }
  for _, option in ipairs { "only", "with", "without" } do
    out[option] = {}
    for _, word in ipairs(selection[option] or {}) do
      local _, where = split(word)
      if where == "" or tables.contains(phases, where) then
        table.insert(out[option], word)
      end
    end
  end
  return out
end

--- Sees that all that is picked is there.
---@param declared bq.Declaration
---@param selection bq.Selection
---@param recipes bq.Recipes
---@param architectures table<string, any> those that can be built for
function choice.check(declared, selection, recipes, architectures)
  if not declared.sets[selection.set] then
    local near = nearest(selection.set, declared.sets)
    local known = tables.names(declared.sets)
    fail.usage(
      ("no set `%s`"):format(selection.set),
      near and ("did you mean `--set %s`?"):format(near) or "the sets are " .. table.concat(known, ", ")
    )
  end
  if not architectures[selection.arch] then
    fail.usage(("no architecture `%s`"):format(selection.arch), "bq builds for x86_64 and aarch64")
  end
  for _, option in ipairs { "only", "with", "without" } do
    for _, word in ipairs(selection[option] or {}) do
      local name, where = split(word)
      if word:sub(-1) == "@" then
        fail.usage(
          ("`--%s %s` names no phase behind `@`"):format(option, word),
          ("`--%s %s@PHASE`"):format(option, name)
        )
      elseif not recipes:get(name) and #recipes.problems == 0 then
        local near = nearest(name, recipes:names())
        fail.usage(
          ("`--%s`: no recipe `%s`"):format(option, name),
          near and ("did you mean `%s`?"):format(near) or "add a folder of recipes by `--recipes DIR`"
        )
      end
      local known, own = {}, {}
      for _, phase in ipairs(declared.phases) do
        known[#known + 1] = phase.name
        local of_machine = choice.of_machine(phase, selection)
        known[#known + 1] = of_machine
        own[of_machine or ""] = phase.name
      end
      local is_own = option ~= "only" and where ~= "" and own[where]
      if is_own then
        fail.usage(
          ("`--%s %s`: the packages of `%s` are those of `%s`"):format(option, word, where, is_own),
          ("name that phase: `--%s %s@%s`"):format(option, name, is_own)
        )
      elseif where ~= "" and not tables.contains(known, where) then
        fail.usage(("`--%s`: no phase `%s`"):format(option, where), "the phases are " .. table.concat(known, ", "))
      end
    end
  end
end

--- Keeps the steps that were asked for, what they need, and the phases that those depend on.
---@param made table the plan, which is changed
---@param only string[]
function choice.narrow(made, only)
  local by_id, keep, phases = {}, {}, {}
  for _, step in ipairs(made.steps) do
    by_id[step.id] = step
  end
  local function need(step)
    if keep[step.id] then
      return
    end
    keep[step.id] = true
    for _, id in ipairs(step.depends) do
      need(by_id[id])
    end
    for _, base in ipairs(made.phases[step.phase].base) do
      if not phases[base] then
        phases[base] = true
        for _, other in ipairs(made.steps) do
          if other.phase == base and other.in_base ~= false then
            need(other)
          end
        end
      end
    end
  end
  for _, word in ipairs(only) do
    local name, where = split(word)
    local any = false
    for _, step in ipairs(made.steps) do
      if step.name == name and (where == "" or step.phase == where) then
        any = true
        need(step)
      end
    end
    if not any then
      fail.usage(("`--only %s`: no such step in this set"):format(word), ("add it by `--with %s`"):format(word))
    end
  end
  local steps = json.array {}
  for _, step in ipairs(made.steps) do
    if keep[step.id] then
      steps[#steps + 1] = step
    end
  end
  made.steps = steps
end

return choice
