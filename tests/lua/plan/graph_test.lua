local check = require "check"
local graph = require "bq.plan.graph"

--- A plan: phase `low` (a, b on a, c, and g, which later phases do not see), phase `high` on it (d, e on d), and phase
--- `apart` on the seed (f).
local function plan()
  local function step(id, depends)
    return { id = id, phase = id:match "^[^/]+", depends = depends or {} }
  end
  local unseen = step("low/g", { "low/c" })
  unseen.in_base = false
  return {
    phases = { low = { base = { "seed" } }, high = { base = { "seed", "low" } }, apart = { base = { "seed" } } },
    steps = {
      step "low/a",
      step("low/b", { "low/a" }),
      step "low/c",
      unseen,
      step "high/d",
      step("high/e", { "high/d" }),
      step "apart/f",
    },
  }
end

--- The members of a set, sorted.
local function list(set)
  local out = {}
  for id in pairs(set) do
    out[#out + 1] = id
  end
  table.sort(out)
  return out
end

check.run {
  {
    "dependents are those by name and those by phase",
    function()
      local made = graph.new(plan())
      check.equal(list(made:dependents { "low/a" }), { "high/d", "high/e", "low/b" })
      check.equal(list(made:dependents { "low/c" }), { "high/d", "high/e", "low/g" })
      check.equal(list(made:dependents { "low/g" }), {})
      check.equal(list(made:dependents { "high/d" }), { "high/e" })
      check.equal(list(made:dependents { "high/e" }), {})
      check.equal(list(made:dependents { "apart/f" }), {})
      check.equal(list(made:dependents { "low/a", "low/b", "high/d" }), { "high/e" })
    end,
  },
  {
    "a path is a shortest chain, with the phases that it goes through",
    function()
      local made = graph.new(plan())
      check.equal(made:path("low/b", "low/a"), { { id = "low/a" } })
      check.equal(made:path("high/e", "low/a"), { { id = "low/a", phase = "low" } })
      check.equal(made:path("low/a", "low/b"), nil)
      check.equal(made:path("high/e", "low/g"), nil)
      check.equal(made:path("high/e", "apart/f"), nil)
      check.equal(made:path("low/a", "low/a"), nil)
    end,
  },
  {
    "the longest chain goes through phases too",
    function()
      local made = graph.new(plan())
      local seconds =
        { ["low/a"] = 2, ["low/b"] = 3, ["low/c"] = 4, ["high/d"] = 10, ["high/e"] = 1, ["apart/f"] = 7, ["low/g"] = 8 }
      local all = {}
      for id in pairs(seconds) do
        all[id] = true
      end
      check.equal(made:longest(all, seconds), 16)
      check.equal(made:longest({ ["apart/f"] = true }, seconds), 7)
      check.equal(made:longest({ ["low/c"] = true, ["high/e"] = true }, seconds), 5)
      check.equal(made:longest(all, {}), 0)
    end,
  },
}
