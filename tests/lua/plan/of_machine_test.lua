-- Programs of this machine in a plan for another architecture: the steps of its own plan, with the same keys.
local check = require "check"
local fail = require "bq.fail"
local foreign = require "bq.run.foreign"
local json = require "bq.json"
local key = require "bq.plan.key"
local plan = require "bq.plan.plan"
local scratch = require "scratch"
local syscall = require "bq.syscall"

local count = 0

--- A plan of `low` (lib, tool, which needs it, other) and `high` (app), where `tool` can be this machine's.
local function make(selection, more)
  count = count + 1
  local recipes = scratch.recipes("case" .. count, {
    lib = scratch.recipe("lib", 'files = { ["/lib"] = "{arch} {target} {phase}" }'),
    tool = scratch.recipe("tool", 'depends = { "lib" }'),
    other = scratch.recipe("other", 'uses = { "tool" }'),
    config = scratch.recipe("config", 'files = { ["/config"] = "{target}" }'),
    app = scratch.recipe "app",
  })
  local phases = {
    {
      name = "low",
      base = { "seed" },
      prefix = "/opt",
      env = { A = "1" },
      packages = { core = { "lib", "tool", "other" } },
      of_machine = { core = { programs = { "tool" }, with = { "config" } } },
    },
    { name = "middle", base = { "low" }, prefix = "/usr", env = {}, packages = { core = { "app" } } },
    {
      name = "high",
      base = { "low" },
      prefix = "/usr",
      env = {},
      packages = { core = { "app" } },
      needs_native = true,
    },
    { name = "top", base = { "high" }, prefix = "/usr", env = {}, packages = { core = { "app" } } },
    { name = "apart", base = { "seed" }, prefix = "/usr", env = {}, packages = { core = { "app" } } },
  }
  local declared = scratch.declaration(nil, phases)
  if more then
    more(declared)
  end
  return json.decode(json.encode(plan.make(declared, scratch.selection(selection), recipes)))
end

local function ids(made, phase)
  local out = {}
  for _, step in ipairs(made.steps) do
    if step.phase == phase then
      out[#out + 1] = step.name .. (step.in_base == false and " (in no base)" or "")
    end
  end
  return out
end

--- What goes into the key of each step of a plan, by the id of the step, when the output of each is its package's name.
local function inputs(made)
  local context =
    { plan = made, by_id = {}, below = {}, phase_digests = {}, seed = "seed-digest", locked = {}, outputs = {} }
  for _, step in ipairs(made.steps) do
    context.by_id[step.id], context.outputs[step.id] = step, step.name
  end
  local out = {}
  for _, step in ipairs(made.steps) do
    out[step.id] = key.inputs(context, step)
  end
  return out
end

check.run {
  {
    "they are a part of the phase as this machine's plan has it, and come below what runs what it builds",
    function()
      local made = make { arch = "aarch64", machine = "x86_64" }
      check.equal(made.phase_order, { "low-x86_64", "low", "middle", "high", "top", "apart" })
      check.equal(ids(made, "low-x86_64"), { "lib (in no base)", "tool", "config" })
      check.equal(ids(made, "low"), { "lib", "other" })
      local bases = {}
      for name, phase in pairs(made.phases) do
        bases[name] = table.concat(phase.base, " ")
      end
      check.equal(bases, {
        ["low-x86_64"] = "seed",
        low = "seed",
        middle = "low",
        high = "low low-x86_64",
        top = "high low-x86_64",
        apart = "seed",
      })
    end,
  },
  {
    "their keys are those of this machine's own plan, and what comes with them is for the other architecture",
    function()
      local own, other =
        inputs(make { arch = "x86_64", machine = "x86_64" }), inputs(make {
          arch = "aarch64",
          machine = "x86_64",
        })
      for _, name in ipairs { "lib", "tool" } do
        check.equal(other["low-x86_64/" .. name], own["low/" .. name])
      end
      check.equal(other["low-x86_64/tool"].arch, "x86_64")
      check.equal(other["low-x86_64/lib"].fields.files["/lib"], own["low/lib"].fields.files["/lib"])
      check.equal(other["low/lib"].arch, "aarch64")
      check.equal(other["low-x86_64/config"].arch, "aarch64")
      check.truthy(other["high/app"].base["low-x86_64"])
    end,
  },
  {
    "a plan for this machine has none, nor one in which no such package is asked for",
    function()
      for _, selection in ipairs {
        { arch = "x86_64", machine = "x86_64" },
        { arch = "aarch64" },
        { arch = "aarch64", machine = "x86_64", without = { "tool" } },
        { arch = "aarch64", machine = "x86_64", foreign_workers = true },
      } do
        check.equal(make(selection).phases["low-x86_64"], nil)
      end
      local made = make({ arch = "aarch64", machine = "x86_64" }, function(declared)
        declared.phases[1].packages.full = { "lib" }
        declared.phases[1].of_machine = { full = declared.phases[1].of_machine.core }
      end)
      check.equal(ids(made, "low"), { "lib", "tool", "other" })
    end,
  },
  {
    "a whole phase can be this machine's",
    function()
      local function all(declared)
        declared.phases[5].of_machine = true
      end
      local own = inputs(make({ arch = "x86_64", machine = "x86_64" }, all))["apart/app"]
      check.equal(inputs(make({ arch = "aarch64", machine = "x86_64" }, all))["apart/app"], own)
      check.equal(inputs(make { arch = "aarch64", machine = "x86_64" })["apart/app"].arch, "aarch64")
    end,
  },
  {
    "one of them can be asked for alone",
    function()
      local made = make { arch = "aarch64", machine = "x86_64", only = { "tool@low-x86_64" } }
      check.equal(#made.steps, 2)
      check.equal(ids(made, "low-x86_64"), { "lib (in no base)", "tool" })
      for option, name in pairs { with = "other", without = "tool" } do
        local err = check.raises(function()
          make { arch = "aarch64", machine = "x86_64", [option] = { name .. "@low-x86_64" } }
        end)
        check.equal(fail.lines(err), {
          ("error: `--%s %s@low-x86_64`: the packages of `low-x86_64` are those of `low`"):format(option, name),
          ("hint: name that phase: `--%s %s@low`"):format(option, name),
        })
      end
    end,
  },
  {
    "without an emulator they are left out with what would run beside them; no worker of the other architecture runs them",
    function()
      local own = syscall.uname().machine
      local other = own == "x86_64" and "aarch64" or "x86_64"
      local made = make { arch = other, machine = own }
      check.equal(foreign.mixed(made), {
        ["low-" .. own] = false,
        low = false,
        middle = false,
        high = true,
        top = true,
        apart = false,
      })
      check.equal(foreign.leave_out(made), { "high", "top" })
      check.equal(#made.steps, 4)
      check.equal(ids(made, "low-" .. own), {})
    end,
  },
  {
    "what cannot be is refused",
    function()
      for message, change in pairs {
        ["is for phases that are built on the seed alone, and run nothing of what they build"] = function(phases)
          phases[2].of_machine = true
        end,
        ["names `fll`, which is no list of the phase"] = function(phases)
          phases[1].of_machine.fll = { programs = {} }
        end,
        ["says for `core` what is no table of `programs` and `with`"] = function(phases)
          phases[1].of_machine.core = { programs = "tool" }
        end,
        ["is `true`, or a table by list"] = function(phases)
          phases[1].of_machine = "tool"
        end,
        ["would make phases with names like that of phase `low-x86_64`"] = function(phases)
          phases[5].name = "low-x86_64"
        end,
      } do
        local err = check.raises(function()
          make({ arch = "aarch64", machine = "x86_64" }, function(declared)
            change(declared.phases)
          end)
        end)
        local phase = message:find "built on the seed" and "middle" or "low"
        check.equal(fail.lines(err)[1], ("error: `of_machine` of phase `%s` %s"):format(phase, message))
      end
    end,
  },
}
