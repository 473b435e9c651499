-- The plan: phases and steps of a whole build, resolved from recipes, as data that can be written as JSON.
local along = require "bq.plan.along"
local beside = require "bq.plan.beside"
local choice = require "bq.plan.choice"
local declaration = require "bq.plan.declaration"
local files = require "bq.files"
local form = require "bq.plan.form"
local json = require "bq.json"
local library = require "bq.plan.library"
local lint = require "bq.plan.lint"
local nearest = require "bq.nearest"
local of_machine = require "bq.plan.of_machine"
local patches_from = require "bq.plan.patches_from"
local root_fields = require "bq.plan.root_fields"
local order = require "bq.plan.order"
local places = require "bq.plan.places"
local recipe = require "bq.plan.recipe"
local tables = require "bq.tables"
local template = require "bq.plan.template"
local tokens = require "bq.plan.tokens"

local plan = {}

--- What the kernel's build calls an architecture.
---@type table<string, string>
local KERNEL_ARCH = { x86_64 = "x86", aarch64 = "arm64" }

--- Fields of a recipe that a step says in its own words: they are not among the step's `fields`.
local OWN_WORDS <const> = {
  "name",
  "version",
  "license",
  "homepage",
  "depends",
  "uses",
  "source",
  "sources",
  "strategy",
  "patches",
  "patches_from",
  "seed_at",
  "leave_out",
}

--- What is built for an architecture.
---@param declared bq.Declaration
---@param arch string
---@return bq.Built
local function built_for(declared, arch)
  return { arch = arch, kernel_arch = KERNEL_ARCH[arch], target = template.fill(declared.target, { arch = arch }) }
end

--- One step, without what its dependencies resolve to.
---@param fields table what the recipe says for the phase, changed
---@param verbs string[] the functions among it
---@param built bq.Built
local function make_step(recipes, found, phase, made, fields, verbs, built)
  local strategy = recipes:strategy(fields.strategy)
  local values = {
    name = found.name,
    version = fields.version,
    phase = phase.name,
    arch = built.arch,
    kernel_arch = built.kernel_arch,
    target = built.target,
    prefix = phase.prefix,
    sysroot = made.sysroot,
  }
  for field in pairs(lint.PLANNED) do
    fields[field] = template.fill(fields[field], values)
  end
  local as_is = recipes:add_texts(found, fields, strategy.module.fields, values)
  if strategy.module.settle and #recipes.problems == 0 then
    strategy.module.settle(fields, made.system, function(file, line, message)
      recipes:problem({ path = ("%s/%s/%s"):format(found.folder, found.name, file), text = "" }, line, message)
    end)
  end
  local step = {
    name = found.name,
    version = fields.version,
    license = fields.license,
    homepage = fields.homepage,
    strategy = fields.strategy,
    depends = json.array(tables.copy(fields.depends)),
    uses = fields.uses,
    seed_at = fields.seed_at,
    leave_out = fields.leave_out,
    in_base = fields.in_base,
    yields = fields.yields,
    sources = places.of(fields),
    patches = beside.patches(found, fields.version),
    patches_from = patches_from.of(fields),
    code = strategy.code,
    functions = json.array(verbs),
    as_is = as_is,
  }
  for field in pairs(root_fields.FIELDS) do
    step[field] = fields[field]
    fields[field] = nil
  end
  local changes = found.data.phases and found.data.phases[phase.name] or {}
  step.own_sources = (changes.source or changes.sources) and true or nil
  if #verbs > 0 then
    step.recipe = { text = found.text, digest = tokens.digest(found.text), path = files.name(found.path) }
    step.code = {}
    for _, module in ipairs(tokens.requires(found.text)) do
      for name, code in pairs(recipe.code(module, recipes.modules)) do
        step.code[name] = code
      end
    end
    for name, code in pairs(strategy.code) do
      step.code[name] = code
    end
  end
  for _, field in ipairs(OWN_WORDS) do
    fields[field] = nil
  end
  step.fields = fields
  return step
end

--- Adds the steps of a phase to the plan.
---@param made table the plan
---@param declared bq.Declaration
---@param phase bq.Phase
---@param selection bq.Selection
---@param recipes bq.Recipes where problems are noted
---@param name string of the phase in the plan
---@param machine? bq.Built what its steps are built for, but those of `own.with`; the plan's architecture if absent
---@param own? bq.OfMachine
local function add_steps(made, declared, phase, selection, recipes, name, machine, own)
  local below, known, verbs = along.below(made, name), {}, {}
  --- After a mistake there is no plan, and what is wrong may be of any type.
  local function fields_of(name)
    local found = not known[name] and recipes:get(name)
    if found then
      recipes:lint(found)
      if #recipes.problems == 0 then
        known[name], verbs[name] = recipes:resolve(found, phase.name)
      end
    end
    return #recipes.problems == 0 and known[name] or nil
  end
  local named = choice.packages(declared, phase, selection, below)
  local steps, by_name = {}, {}
  for _, package in ipairs(along.packages(named, fields_of, phase, selection, below)) do
    local fields, found = fields_of(package), recipes:get(package)
    local refusal = fields and along.refusal(fields, phase, below)
    if refusal then
      recipes:problem(found, "depends", refusal)
    elseif fields then
      local built = not (own and tables.contains(own.with or {}, package)) and machine or nil
      local step = make_step(recipes, found, phase, made, fields, verbs[package], built or made)
      step.id, step.phase, step.built = name .. "/" .. package, name, built
      steps[#steps + 1], by_name[package] = step, step
    elseif recipes.loaded[package] == nil then
      local near = nearest(package, recipes:names())
      table.insert(recipes.problems, {
        path = "phase " .. phase.name,
        line = 1,
        message = ("no recipe `%s`"):format(package) .. (near and (", did you mean `%s`?"):format(near) or ""),
      })
    end
  end
  if #recipes.problems == 0 then
    if phase.apart then
      for _, step in ipairs(steps) do
        step.depends, step.uses = json.array {}, nil
      end
    end
    order.add_first(phase, steps, by_name)
    for _, step in ipairs(order.sort(recipes, steps, by_name, below)) do
      table.insert(made.steps, step)
    end
  end
end

--- Adds a phase to the plan, without its steps.
---@param name string of the phase in the plan
---@return bq.PlanPhase
local function add_phase(made, declared, phase, selection, name)
  local env = {}
  for _, layer in ipairs { declared.env, phase.env } do
    for variable, value in pairs(layer) do
      env[variable] = value
    end
  end
  made.phases[name] = {
    about = phase.about,
    base = json.array(tables.copy(declaration.base(phase, selection.set))),
    prefix = phase.prefix,
    env = env,
    needs_native = phase.needs_native,
  }
  table.insert(made.phase_order, name)
  return made.phases[name]
end

--- Makes a plan. All mistakes in recipes are shown at once.
---@param declared bq.Declaration
---@param selection bq.Selection
---@param recipes bq.Recipes
---@return table plan
function plan.make(declared, selection, recipes)
  declaration.check(declared)
  choice.check(declared, selection, recipes, KERNEL_ARCH)
  local built = built_for(declared, selection.arch)
  local made = {
    schema = form.VERSION,
    arch = built.arch,
    kernel_arch = built.kernel_arch,
    target = built.target,
    sysroot = declared.sysroot or "",
    set = selection.set,
    epoch = declared.epoch,
    selection = {
      only = json.array(selection.only or {}),
      with = json.array(selection.with or {}),
      without = json.array(selection.without or {}),
    },
    phase_order = json.array {},
    -- A system does not build itself again.
    finish = json.array(not selection.system and declared.finish and declared.finish[selection.set] or {}),
    root = declaration.root(declared, selection.set),
    system = selection.system,
    image = selection.image,
    phases = {},
    steps = json.array {},
    code = {},
    library = library.digest(recipes.modules),
    library_text = library.text_digest(recipes.modules),
    recipes = {},
  }
  local twins = {}
  for _, phase in ipairs(declared.phases) do
    local own, name = of_machine.packages(declared, phase, selection), choice.of_machine(phase, selection)
    if own and name then
      add_phase(made, declared, phase, selection, name).as = phase.name
      local whole, machine = of_machine.with(phase, own), built_for(declared, selection.machine)
      add_steps(made, declared, whole, selection, recipes, name, machine, own)
      of_machine.narrow(made, name, own)
      twins[phase.name], phase = name, of_machine.without(phase, own)
    end
    of_machine.add_to(add_phase(made, declared, phase, selection, phase.name), made, twins)
    local machine = of_machine.is_whole(phase, selection) and built_for(declared, selection.machine) or nil
    add_steps(made, declared, phase, selection, recipes, phase.name, machine)
  end
  recipes:check()
  if selection.only and #selection.only > 0 then
    choice.narrow(made, selection.only)
  end
  for _, step in ipairs(made.steps) do
    for module in pairs(step.code) do
      made.code[module] = made.code[module] or files.module(module, recipes.modules)
    end
    made.recipes[step.name] = { version = step.version, digest = beside.fingerprint(recipes.folders, step.name) }
  end
  return made
end

return plan
