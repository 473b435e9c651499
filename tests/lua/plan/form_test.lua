-- What a plan is, and what of it has to be right before anything uses it.
local check = require "check"
local form = require "bq.plan.form"
local host = require "bq.host"
local fs = require "bq.fs"
local json = require "bq.json"
local plan = require "bq.plan.plan"
local schema = require "bq.schema"
local scratch = require "scratch"

local function made()
  local recipes = scratch.recipes("recipes", {
    a = scratch.recipe("a", 'install = function() end, leave_out = {}, homepage = "https://a"'),
    b = scratch.recipe(
      "b",
      ('depends = { "a" }, source = { { url = "https://b-1", sha256 = "%s", size = 3 } }'):format(scratch.sha256())
    ),
  })
  local phases = {}
  for index, name in ipairs { "low", "high" } do
    phases[index] = {
      name = name,
      about = "x",
      base = { index == 1 and "seed" or "low" },
      prefix = "/usr",
      env = {},
      packages = { core = { "a", "b" } },
    }
  end
  return json.decode(json.encode(plan.make(scratch.declaration(nil, phases), scratch.selection(), recipes)))
end

local function problem(change)
  local one = made()
  change(one)
  return schema.problem(json.decode(json.encode(one)), form.FORMAT.kind)
end

check.run {
  {
    "a plan is one",
    function()
      check.equal(problem(function() end), nil)
    end,
  },
  {
    "what is wrong is named",
    function()
      for wanted, change in pairs {
        ["`steps[2].version` is a number, expected a version"] = function(one)
          one.steps[2].version = 1
        end,
        ["`steps[1].name` is not a name"] = function(one)
          one.steps[1].name = "../../x"
        end,
        ["`steps[1].id` is not its phase and its name"] = function(one)
          one.steps[1].id = "low/zzz"
        end,
        ["`steps[1].depends` has `high/b`, which is no earlier step"] = function(one)
          one.steps[1].depends = json.array { "high/b" }
        end,
        ["`steps[1].depends` has `low/a`, which is no earlier step"] = function(one)
          one.steps[1].depends = json.array { "low/a" }
        end,
        ['`phases["low"].base` has `high`, which is no earlier phase'] = function(one)
          one.phases.low.base = json.array { "high" }
        end,
        ["`steps[1].phase` is `none`, which is no phase"] = function(one)
          one.steps[1].phase, one.steps[1].id = "none", "none/a"
        end,
        ["`steps[1].recipe.text` is a list, expected a text"] = function(one)
          one.steps[1].recipe.text = json.array { 1 }
        end,
        ['`steps[2].sources["main"][1].sha256` is not 64 hexadecimal digits'] = function(one)
          one.steps[2].sources.main[1].sha256 = "x"
        end,
        ['`steps[2].sources["main"][1].size` is -1, expected a number from 0 to 9223372036854775807'] = function(one)
          one.steps[2].sources.main[1].size = -1
        end,
        ["`steps` is a text, expected a list"] = function(one)
          one.steps = "x"
        end,
        ["`epoch` is -1, expected a number from 0 to 8589934591"] = function(one)
          one.epoch = -1
        end,
        ["`schema` is missing"] = function(one)
          one.schema = nil
        end,
        ["`schema` is 99, and this bq knows " .. form.VERSION .. ": it was made by another version of bq"] = function(
          one
        )
          one.schema, one.steps = 99, nil
        end,
      } do
        check.equal(problem(change), wanted)
      end
    end,
  },
  {
    "a plan of another version can be made again, and no more",
    function()
      local old = { schema = 1, set = "core", steps = "something else" }
      check.equal(schema.problem(old, form.ANY_FORMAT.kind), nil)
      old.set = 7
      check.equal(schema.problem(old, form.ANY_FORMAT.kind), "`set` is a number, expected a text")
      check.equal(schema.problem({ schema = form.VERSION }, form.ANY_FORMAT.kind), "`arch` is missing")
    end,
  },
  {
    "the plan of all bundled recipes is one",
    function()
      local root = fs.realpath(host.script):match "^(.*)/tests/lua/.+$"
      local recipe = require "bq.plan.recipe"
      local recipes = recipe.collection { root .. "/scripts/packages" }
      local one = plan.make(scratch.declaration(recipes:names()), scratch.selection(), recipes)
      check.equal(schema.problem(json.decode(json.encode(one)), form.FORMAT.kind), nil)
    end,
  },
}
