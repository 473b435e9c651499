-- The form of `plan.json`: what a plan holds, checked before it is used. A workspace may be somebody else's.
local schema = require "bq.schema"

local form = {}

--- Raised when plans come to hold something else; a plan of another form is made again.
form.VERSION = 4

local text, list, map = schema.text(), schema.list, schema.map
local texts <const> = list(text)

local PLACE <const> = schema.record {
  ["url?"] = text,
  ["debian?"] = schema.FILE,
  ["package?"] = schema.NAME,
  ["sha256?"] = schema.SHA256,
  ["size?"] = schema.whole(),
  ["strip?"] = schema.whole(),
}

local STEP <const> = schema.where(
  schema.record {
    id = schema.STEP,
    name = schema.NAME,
    phase = schema.NAME,
    version = schema.VERSION,
    license = text,
    strategy = schema.NAME,
    depends = list(schema.STEP),
    sources = map(list(PLACE), schema.NAME),
    patches = list(schema.record { name = schema.FILE, sha256 = schema.SHA256 }),
    code = map(text),
    functions = texts,
    fields = schema.any_map(),
    as_is = texts,
    ["homepage?"] = text,
    ["seed_at?"] = text,
    ["leave_out?"] = texts,
    ["in_base?"] = schema.flag(),
    ["yields?"] = texts,
    ["patches_from?"] = list(schema.record { source = schema.NAME, files = texts }),
    ["own_sources?"] = schema.flag(),
    ["built?"] = schema.record { arch = schema.NAME, kernel_arch = schema.NAME, target = text },
    ["runs_with?"] = list(schema.NAME),
    ["parts?"] = map(texts),
    ["users?"] = schema.any_map(),
    ["groups?"] = schema.any_map(),
    ["services?"] = schema.any_map(),
    ["recipe?"] = schema.record { text = text, digest = schema.SHA256, path = schema.FILE },
  },
  function(step)
    if step.id ~= step.phase .. "/" .. step.name then
      return "is not its phase and its name", ".id"
    end
  end
)

local PHASE <const> = schema.record {
  ["about?"] = text,
  base = list(schema.NAME),
  prefix = text,
  env = schema.any_map(),
  ["needs_native?"] = schema.flag(),
  ["as?"] = schema.NAME,
}

--- What steps and phases name has to be there, before them: so nothing goes in a circle.
local function hangs_together(plan)
  local before = { seed = true }
  for index, name in ipairs(plan.phase_order) do
    local phase = plan.phases[name]
    if not phase then
      return ("is `%s`, which is no phase"):format(name), (".phase_order[%d]"):format(index)
    end
    for _, base in ipairs(phase.base) do
      if not before[base] then
        return ("has `%s`, which is no earlier phase"):format(base), (".phases[%q].base"):format(name)
      end
    end
    before[name] = true
  end
  local seen = {}
  for index, step in ipairs(plan.steps) do
    if not before[step.phase] or step.phase == "seed" then
      return ("is `%s`, which is no phase"):format(step.phase), (".steps[%d].phase"):format(index)
    end
    for _, id in ipairs(step.depends) do
      if not seen[id] then
        return ("has `%s`, which is no earlier step"):format(id), (".steps[%d].depends"):format(index)
      end
    end
    seen[step.id] = true
  end
end

local WHOLE <const> = schema.where(
  schema.record {
    schema = schema.whole(),
    arch = schema.NAME,
    kernel_arch = schema.NAME,
    target = text,
    sysroot = text,
    set = text,
    epoch = schema.whole(0, (1 << 33) - 1),
    selection = schema.record { only = texts, with = texts, without = texts },
    phase_order = list(schema.NAME),
    finish = list(schema.NAME),
    ["root?"] = schema.record { phases = list(schema.NAME), packages = list(schema.NAME), leave_out = texts },
    ["system?"] = schema.record { name = schema.NAME, packages = list(schema.NAME), parts = list(schema.NAME) },
    ["page?"] = schema.record { path = text, sha256 = schema.SHA256, ["beside?"] = map(schema.SHA256) },
    phases = map(PHASE, schema.NAME),
    steps = list(STEP),
    code = map(text),
    library = text,
    library_text = schema.SHA256,
    recipes = map(schema.record { version = text, digest = schema.SHA256 }, schema.NAME),
    ["script?"] = schema.SHA256,
  },
  hangs_together
)

-- What is looked at in a plan of another form: enough to make it again.
local HEADER <const> = schema.record {
  schema = schema.whole(),
  ["set?"] = text,
  ["arch?"] = schema.NAME,
  ["selection?"] = schema.record { ["only?"] = texts, ["with?"] = texts, ["without?"] = texts },
}

---@type bq.schema.Format
form.FORMAT = {
  what = "the plan",
  -- The texts of all recipes, strategies and patches are in it.
  limit = 1 << 28,
  hint = "plan again: `bq scripts/build_sysroot.lua%s`",
  kind = function(plan)
    local wrong, at = HEADER(plan)
    if wrong then
      return wrong, at
    elseif plan.schema ~= form.VERSION then
      return ("is %d, and this bq knows %d: it was made by another version of bq"):format(plan.schema, form.VERSION),
        ".schema"
    end
    return WHOLE(plan)
  end,
}

--- The same, but that a plan of another form is one too, if it says so: with nothing to be used but to make it again.
---@type bq.schema.Format
form.ANY_FORMAT = {
  what = form.FORMAT.what,
  limit = form.FORMAT.limit,
  hint = form.FORMAT.hint,
  kind = function(plan)
    local wrong, at = HEADER(plan)
    if wrong or plan.schema ~= form.VERSION then
      return wrong, at
    end
    return WHOLE(plan)
  end,
}

return form
