local check = require "check"
local fail = require "bq.fail"
local foreign = require "bq.run.foreign"
local fs = require "bq.fs"
local graph = require "bq.plan.graph"
local json = require "bq.json"
local plan = require "bq.plan.plan"
local scratch = require "scratch"
local stale = require "bq.plan.stale"
local syscall = require "bq.syscall"

local count = 0

--- A plan from recipes (name = further fields), the packages of its one phase or all phases, and a selection.
local function make(recipes, packages, selection, phases)
  count = count + 1
  local texts = {}
  for name, more in pairs(recipes) do
    texts[name] = scratch.recipe(name, more ~= "" and more or nil)
  end
  local collection = scratch.recipes("case" .. count, texts)
  return plan.make(scratch.declaration(packages, phases), scratch.selection(selection), collection), collection
end

local function ids(made)
  local out = {}
  for _, step in ipairs(made.steps) do
    out[#out + 1] = step.id
  end
  return out
end

local function depends(made, id)
  for _, step in ipairs(made.steps) do
    if step.id == id then
      return step.depends
    end
  end
end

local function refused(lines, ...)
  local arguments = table.pack(...)
  local err = check.raises(function()
    make(table.unpack(arguments, 1, arguments.n))
  end)
  local shown = fail.lines(err)
  for index, line in ipairs(shown) do
    shown[index] = line:gsub("case%d+/", "")
  end
  check.equal(shown, lines)
  return err
end

local function two(first, second, changes)
  local phases = {
    { name = "low", base = { "seed" }, prefix = "/opt", env = { A = "1" }, packages = { core = first } },
    { name = "high", base = { "low" }, prefix = "/usr", env = { B = "2" }, packages = { core = second } },
  }
  for name, value in pairs(changes or {}) do
    phases[2][name] = value
  end
  return phases
end

check.run {
  {
    "dependencies come first, otherwise the order of the declaration stays",
    function()
      local made = make(
        { a = 'depends = { "c", "b" }', b = 'depends = { "d" }', c = "", d = "", e = "" },
        { "e", "a", "b", "c", "d" }
      )
      check.equal(ids(made), { "one/e", "one/c", "one/d", "one/b", "one/a" })
      check.equal(depends(made, "one/a"), { "one/b", "one/c" })
    end,
  },
  {
    "what is used is a dependency if it is there",
    function()
      local recipes = { a = 'uses = { "b", "gone" }', b = "" }
      check.equal(depends(make(recipes, { "a", "b" }), "one/a"), { "one/b" })
      check.equal(#depends(make(recipes, { "a" }), "one/a"), 0)
    end,
  },
  {
    "a cycle is named",
    function()
      refused(
        { "error: the plan has a mistake", "  a.lua:6: the dependencies form a cycle: a → b → c → a" },
        { a = 'depends = { "b" }', b = 'depends = { "c" }', c = 'depends = { "a" }' },
        { "a", "b", "c" }
      )
      refused(
        { "error: the plan has a mistake", "  a.lua:6: the dependencies form a cycle: a → a" },
        { a = 'depends = { "a" }' },
        { "a" }
      )
    end,
  },
  {
    "a missing dependency, with the nearest, or left out on purpose",
    function()
      refused({
        "error: the plan has a mistake",
        "  a.lua:6: `a` needs `zlbi`, for which there is no recipe; in phase `one`: did you mean `zlib`?",
      }, { a = 'depends = { "zlbi" }', zlib = "" }, { "a", "zlib" })
      refused(
        { "error: the plan has a mistake", "  a.lua:6: `a` needs `zlib`, which is not in phase `one`" },
        { a = 'depends = { "zlib" }', zlib = "" },
        { "a" },
        { without = { "zlib" } }
      )
    end,
  },
  {
    "what a package depends on, and runs with, comes along with all below it",
    function()
      local recipes = {
        a = 'depends = { "b" }, runs_with = { "d" }',
        b = 'depends = { "c" }, uses = { "e" }',
        c = "",
        d = 'depends = { "c" }',
        e = "",
      }
      local made = make(recipes, {}, { with = { "a" } })
      check.equal(ids(made), { "one/c", "one/b", "one/a", "one/d" })
      check.equal(depends(made, "one/a"), { "one/b" })
      check.equal(made.steps[3].runs_with, { "d" })
      check.equal(made.steps[3].fields.runs_with, nil)
    end,
  },
  {
    "what the base has at the same prefix does not come along",
    function()
      local recipes = { a = 'depends = { "b" }', b = "" }
      local phases = two({ "b" }, {}, { extend = true })
      check.equal(ids(make(recipes, nil, { with = { "a" } }, phases)), { "low/b", "high/b", "high/a" })
      phases = two({ "b" }, {}, { extend = true })
      phases[1].prefix = "/usr"
      local made = make(recipes, nil, { with = { "a", "b" } }, phases)
      check.equal(ids(made), { "low/b", "high/a" })
      check.equal(#depends(made, "high/a"), 0)
      -- Named with its phase, it is there.
      check.equal(ids(make(recipes, nil, { with = { "b@high" } }, phases)), { "low/b", "high/b" })
    end,
  },
  {
    "packages that are named without a phase go where the set says",
    function()
      local function where(set, extend_low, extend_high)
        local phases = two({}, {}, { extend = extend_high })
        phases[1].extend = extend_low
        return ids(make({ a = "" }, nil, { set = set, with = { "a" } }, phases))[1]
      end
      check.equal(where("core", { "core" }, { "full" }), "low/a")
      check.equal(where("full", { "core" }, { "full" }), "high/a")
      check.equal(where("core", true, nil), "low/a")
      check.equal(where("core", nil, nil), "high/a")
      refused(
        { "error: phase `high` extends `cor`, which is no set" },
        {},
        nil,
        nil,
        two({}, {}, { extend = { "cor" } })
      )
    end,
  },
  {
    "a system: its packages and the lists of its set, those of a disk only if it has one",
    function()
      local declared = scratch.declaration(nil, two({ "base" }, {}, { extend = true }))
      declared.phases[2].packages = { more = { "big" }, disk = { "kernel" } }
      declared.roots = {
        packages = { "base" },
        disk = { "disk" },
        sets = { core = { lists = { "core" }, phases = { "low", "high" } } },
      }
      local texts = {}
      for name, more in pairs { base = "", big = "", kernel = "", a = 'depends = { "b" }', b = "" } do
        texts[name] = scratch.recipe(name, more ~= "" and more or nil)
      end
      local recipes = scratch.recipes("system", texts)
      local function planned(disk, selection)
        selection = scratch.selection(selection)
        selection.system = { name = "mine", packages = { "a" }, parts = { "run" }, disk = disk }
        return plan.make(declared, selection, recipes)
      end
      check.equal(ids(planned()), { "low/base", "high/kernel", "high/b", "high/a" })
      check.equal(ids(planned(false)), { "low/base", "high/b", "high/a" })
      check.equal(ids(planned(false, { with = { "big" } })), { "low/base", "high/b", "high/a", "high/big" })
      check.equal(planned().root, { phases = { "low", "high" }, packages = { "base" }, leave_out = json.array {} })
      declared.roots.sets.core.phases = { "hihg" }
      check.raises(planned, "`roots` names `hihg`, which is no phase")
    end,
  },
  {
    "mistakes in recipes are all shown, and never become bugs of the plan",
    function()
      local wrong = {
        'depends = "zlib"',
        "depends = true",
        "depends = { {} }",
        "uses = 1",
        "phases = true",
        "phases = { one = 1 }",
        "phases = { one = { depends = 1 } }",
        "env = 1",
        "source = 1",
        "sources = { 1 }",
        "strategy = 1",
        "version = 1",
        'phases = { one = { strategy = "fiels" } }',
        "strip = 1",
        "files = { 1 }",
        "name = 1",
        "license = {}",
        "phases = { one = { license = 1 } }",
        "source = { 1 }",
        "source = {}",
      }
      for _, field in ipairs(wrong) do
        local err = check.raises(function()
          make({ a = field, b = 'depends = { "a" }' }, { "a", "b" })
        end)
        check.truthy(fail.is_expected(err), field .. ": " .. tostring(err))
        check.contains(tostring(err), "/a.lua:")
      end
    end,
  },
  {
    "a package without a recipe, with the nearest",
    function()
      refused(
        { "error: the plan has a mistake", "  phase one:1: no recipe `zlibb`, did you mean `zlib`?" },
        { zlib = "" },
        { "zlibb" }
      )
    end,
  },
  {
    "a phase may depend on something else in a set",
    function()
      local phases = two({ "a" }, { "b" }, { base = { "seed" }, base_in = { full = { "low" } } })
      local recipes = { a = "", b = "" }
      check.equal(make(recipes, nil, nil, phases).phases.high.base, { "seed" })
      check.equal(make(recipes, nil, { set = "full" }, phases).phases.high.base, { "low" })
      for changes, message in pairs {
        [{ base_in = { fll = { "low" } } }] = "phase `high` has a base in `fll`, which is no set",
        [{ base_in = { full = { "lwo" } } }] = "phase `high` depends on `lwo`, which is no earlier phase",
      } do
        refused({ "error: " .. message }, recipes, nil, nil, two({ "a" }, { "b" }, changes))
      end
    end,
  },
  {
    "what would run programs of another architecture is left out, and what depends on that",
    function()
      local phases = two({ "a" }, { "b" })
      phases[1].needs_native = true
      phases[3] = { name = "apart", base = { "seed" }, prefix = "/usr", env = {}, packages = { core = { "c" } } }
      local other = syscall.uname().machine == "x86_64" and "aarch64" or "x86_64"
      local made = make({ a = "", b = "", c = "" }, nil, { arch = other }, phases)
      check.equal(foreign.leave_out(made), { "low", "high" })
      check.equal(ids(made), { "apart/c" })
      made = make({ a = "", b = "", c = "" }, nil, { arch = syscall.uname().machine }, phases)
      check.equal(foreign.leave_out(made), {})
      check.equal(#ids(made), 3)
    end,
  },
  {
    "first goes below all but what it needs itself",
    function()
      local phases = {
        {
          name = "one",
          base = { "seed" },
          prefix = "/usr",
          env = {},
          first = { "tool" },
          packages = { core = { "a", "tool", "base" } },
        },
      }
      local made = make({ a = "", tool = 'depends = { "base" }', base = "" }, nil, nil, phases)
      check.equal(ids(made), { "one/base", "one/tool", "one/a" })
      check.equal(depends(made, "one/a"), { "one/tool" })
      check.equal(#depends(made, "one/base"), 0)
    end,
  },
  {
    "apart: steps do not see each other",
    function()
      local made = make({ a = 'uses = { "b" }', b = "" }, nil, nil, two({ "b" }, { "a", "b" }, { apart = true }))
      check.equal(#depends(made, "high/a"), 0)
      check.equal(ids(made), { "low/b", "high/a", "high/b" })
      -- So one that depends on another is refused, unless the base has that.
      local phases = two({ "b" }, { "a" }, { apart = true })
      refused({
        "error: the plan has a mistake",
        "  a.lua:6: `a` depends on `b`, and packages of phase `high` do not see each other; name another phase: `--with a@PHASE`",
      }, { a = 'depends = { "b" }', b = "" }, nil, nil, phases)
      phases[1].prefix = "/usr"
      check.equal(ids(make({ a = 'depends = { "b" }', b = "" }, nil, nil, phases)), { "low/b", "high/a" })
    end,
  },
  {
    "two phases, each with its own step, prefix and environment",
    function()
      local made = make({ a = 'phases = { high = { version = "2" } }', b = "" }, nil, nil, two({ "a" }, { "b", "a" }))
      check.equal(ids(made), { "low/a", "high/b", "high/a" })
      check.equal({ made.steps[1].version, made.steps[3].version }, { "1", "2" })
      check.equal(made.phases.low.env, { PATH = "/bin", A = "1" })
      check.equal(made.phases.high.env, { PATH = "/bin", B = "2" })
      check.equal(
        { made.target, made.kernel_arch, made.phase_order },
        { "x86_64-bq-linux-musl", "x86", { "low", "high" } }
      )
    end,
  },
  {
    "with, without, sets",
    function()
      local recipes = { a = "", b = "", c = "" }
      check.equal(ids(make(recipes, { "a" }, { with = { "b" } })), { "one/a", "one/b" })
      check.equal(ids(make(recipes, { "a", "b" }, { without = { "a" } })), { "one/b" })
      check.equal(ids(make(recipes, { "a" }, { with = { "a" } })), { "one/a" })
      check.equal(
        ids(make(recipes, nil, { with = { "c@low" } }, two({ "a" }, { "b" }))),
        { "low/a", "low/c", "high/b" }
      )
      -- Without a phase: where the declaration says, else the last.
      check.equal(ids(make(recipes, nil, { with = { "c" } }, two({ "a" }, { "b" }))), { "low/a", "high/b", "high/c" })
      local phases = two({}, {})
      phases[1].packages, phases[2].packages = { core = { "a" }, more = { "b" } }, {}
      check.equal(ids(make(recipes, nil, { set = "full" }, phases)), { "low/a", "low/b" })
      check.equal(ids(make(recipes, nil, {}, phases)), { "low/a" })
    end,
  },
  {
    "only: what was asked for, what it needs, and the phases below",
    function()
      local recipes = { a = 'depends = { "b" }', b = "", c = "", d = "" }
      check.equal(ids(make(recipes, { "a", "b", "c" }, { only = { "a" } })), { "one/b", "one/a" })
      check.equal(ids(make(recipes, { "a", "b", "c" }, { only = { "c", "b" } })), { "one/b", "one/c" })
      check.equal(
        ids(make(recipes, nil, { only = { "d" } }, two({ "a", "b" }, { "c", "d" }))),
        { "low/b", "low/a", "high/d" }
      )
      check.equal(ids(make(recipes, nil, { only = { "b@low" } }, two({ "a", "b" }, { "c", "b" }))), { "low/b" })
      local err = refused(
        { "error: `--only d`: no such step in this set", "hint: add it by `--with d`" },
        recipes,
        { "b" },
        { only = { "d" } }
      )
      check.equal(err.status, 2)
    end,
  },
  {
    "selections that cannot be",
    function()
      local recipes = { zlib = "" }
      for _, case in ipairs {
        { { set = "ful" }, "error: no set `ful`", "hint: did you mean `--set full`?" },
        { { set = "quux" }, "error: no set `quux`", "hint: the sets are core, full" },
        { { arch = "vax" }, "error: no architecture `vax`", "hint: bq builds for x86_64 and aarch64" },
        { { with = { "zlb" } }, "error: `--with`: no recipe `zlb`", "hint: did you mean `zlib`?" },
        {
          { without = { "quux" } },
          "error: `--without`: no recipe `quux`",
          "hint: add a folder of recipes by `--recipes DIR`",
        },
        { { with = { "zlib@two" } }, "error: `--with`: no phase `two`", "hint: the phases are one" },
      } do
        check.equal(refused({ case[2], case[3] }, recipes, { "zlib" }, case[1]).status, 2)
      end
    end,
  },
  {
    "declarations that cannot be",
    function()
      refused(
        { "error: phase `high` has an unknown field `prefx`", "hint: did you mean `prefix`?" },
        {},
        nil,
        nil,
        two({}, {}, { prefx = 1 })
      )
      refused(
        { "error: phase `high` depends on `hihg`, which is no earlier phase" },
        {},
        nil,
        nil,
        two({}, {}, { base = { "hihg" } })
      )
    end,
  },
  {
    "a plan goes through JSON unchanged",
    function()
      local made = make(
        { a = 'depends = { "b" }, files = { ["/x"] = "y" }, build = function() end', b = "" },
        { "a", "b" }
      )
      local text = json.encode(made, { pretty = true })
      check.equal(json.encode(json.decode(text), { pretty = true }), text)
      check.equal(#json.decode(text).steps[1].depends, 0)
      check.contains(text, '"depends": []')
      check.equal(made.steps[2].functions, { "build" })
      check.contains(made.steps[2].recipe.text, "build = function")
      check.truthy(made.code["bq.strategy.files"])
    end,
  },
  {
    "stale: what was edited is named, and nothing else is",
    function()
      local made, recipes = make({ a = "", b = "" }, { "a", "b" })
      made = json.decode(json.encode(made))
      local function of()
        return stale(made, recipes.folders)
      end
      local path = recipes.folders[1] .. "/a.lua"
      local text = fs.read(path)
      check.equal(of(), nil)
      fs.write(path, text .. "-- a comment\n")
      check.equal(of(), "the recipe `a` was edited")
      fs.remove(path)
      check.equal(of(), "the recipe `a` is gone")
      fs.write(path, text)
      check.equal(of(), nil)
      made.code["bq.strategy.files"] = "return {}"
      check.equal(of(), "`bq.strategy.files` was edited")
      made.schema = 0
      check.equal(of(), "the plan was made by another version of bq")
    end,
  },
  {
    "closure: all below, each once, the lowest first",
    function()
      local made = make(
        { a = 'depends = { "b", "c" }', b = 'depends = { "d" }', c = 'depends = { "d" }', d = "" },
        { "a", "b", "c", "d" }
      )
      local by_id = {}
      for _, step in ipairs(made.steps) do
        by_id[step.id] = step
      end
      check.equal(graph.closure(by_id, by_id["one/a"]), { "one/d", "one/b", "one/c" })
      check.equal(graph.closure(by_id, by_id["one/d"]), {})
    end,
  },
  {
    "the seed is seen by what depends on a step that sees it",
    function()
      local recipes = { a = 'uses = { "b" }', b = 'depends = { "c" }', c = 'seed_at = "/seed"', d = "" }
      local made = make(recipes, { "a", "b", "c", "d" })
      local seen = {}
      for _, step in ipairs(made.steps) do
        seen[step.name] = step.seed_at or "not"
      end
      check.equal(seen, { a = "/seed", b = "/seed", c = "/seed", d = "not" })
    end,
  },
  {
    "inside the finished root: its own phases, on itself",
    function()
      local declaration = require "bq.plan.declaration"
      local choice = require "bq.plan.choice"
      local function phase(name, base)
        return { name = name, base = base, prefix = "/usr", env = {}, packages = { core = { name .. "1" } } }
      end
      local declared = scratch.declaration(nil, {
        phase("low", { "seed" }),
        phase("middle", { "low", "seed" }),
        phase("high", { "low", "middle" }),
        phase("top", { "middle", "high" }),
      })
      declared.finish = { core = { "high", "top" } }
      declared.sets.small = { "core" }
      declared.roots = {
        packages = { "low1" },
        leave_out = {},
        disk = {},
        sets = {
          core = { lists = { "core" }, phases = { "low", "high" } },
          small = { lists = { "core" }, phases = { "low" } },
        },
      }
      local inside = declaration.inside(declared, "core")
      local bases = {}
      for index, one in ipairs(inside.phases) do
        bases[index] = one.name .. " on " .. table.concat(one.base, " + ")
      end
      check.equal(bases, { "high on seed", "top on seed + high" })
      check.equal(declared.phases[3].base, { "low", "middle" })
      declaration.check(inside)
      check.equal(inside.roots.sets, { core = { lists = { "core" }, phases = { "high" } } })
      check.equal(declared.roots.sets.core.phases, { "low", "high" })
      check.equal(#declaration.inside(declared, "full").phases, 0)
      local words = { "x", "y@low", "z@top" }
      check.equal(choice.inside(scratch.selection { with = words }, { "high", "top" }).with, { "x", "z@top" })
    end,
  },
  {
    "the bundled declaration makes a plan for both machines",
    function()
      local process = require "bq.process"
      for _, arch in ipairs { "x86_64", "aarch64" } do
        local status = process.run {
          argv = { process.executable(), "build_sysroot", "--dry-run", "--arch", arch },
          stdout = "capture",
        }
        check.truthy(status.ok)
        check.contains(status.stdout, ("plan: set full for %s-bq-linux-musl, seed auto, "):format(arch))
      end
      check.equal(fs.stat "data", nil)
    end,
  },
}
