local check = require "check"
local estimate = require "bq.run.estimate"

--- A plan: `low` on the seed, `high` on `low`.
local function plan(steps)
  local out = {
    phases = { low = { base = { "seed" } }, high = { base = { "low" } } },
    phase_order = { "low", "high" },
    steps = {},
  }
  for index, one in ipairs(steps) do
    out.steps[index] = { id = one[1], phase = one[1]:match "^[^/]+", depends = one[2] or {}, in_base = one.in_base }
  end
  return out
end

local function states(made, done)
  local out = {}
  for _, step in ipairs(made.steps) do
    out[step.id] = done and done[step.id] or "waiting"
  end
  return out
end

local CHAIN <const> = { { "low/a" }, { "low/b", { "low/a" } }, { "low/c" }, { "high/d" } }
local BEFORE <const> = { ["low/a"] = 10, ["low/b"] = 20, ["low/c"] = 25, ["high/d"] = 5 }

check.run {
  {
    "the longest chain counts, through the phase that is built on another",
    function()
      local made = plan(CHAIN)
      check.equal(estimate.new(made, states(made), BEFORE, 2):seconds(states(made), {}), 35.0)
      -- One after another.
      check.equal(estimate.new(made, states(made), BEFORE, 1):seconds(states(made), {}), 60.0)
    end,
  },
  {
    "a step that is left and was never seen makes it the least",
    function()
      local made = plan(CHAIN)
      check.equal(estimate.new(made, states(made), BEFORE, 2):is_least(states(made)), false)
      local one = estimate.new(made, states(made), { ["low/a"] = 10, ["low/b"] = 20, ["low/c"] = 25 }, 2)
      check.equal(one:is_least(states(made)), true)
      check.equal(one:is_least(states(made, { ["high/d"] = "running" })), true)
      check.equal(one:is_least(states(made, { ["high/d"] = "done" })), false)
    end,
  },
  {
    "what runs has its rest to go, and more if it takes longer than before",
    function()
      local made = plan(CHAIN)
      local one = estimate.new(made, states(made), BEFORE, 2)
      local now = states(made, { ["low/a"] = "done", ["low/b"] = "running", ["low/c"] = "done" })
      check.equal(one:seconds(now, { ["low/b"] = 15 }), 10.0)
      check.equal(one:seconds(now, { ["low/b"] = 100 }), 10 + 5 * 106 / 26)
      check.equal(one:part(now, { ["low/b"] = 10 }), 0.75)
    end,
  },
  {
    "a machine that is slower now makes all that is left longer",
    function()
      local made = plan(CHAIN)
      local one = estimate.new(made, states(made), BEFORE, 2)
      local now = states(made, { ["low/a"] = "done", ["low/b"] = "done", ["low/c"] = "done" })
      for id, seconds in pairs { ["low/a"] = 20, ["low/b"] = 40, ["low/c"] = 50 } do
        one:ended(id, seconds)
      end
      -- (110 + 6) of (55 + 6) seconds.
      check.equal(("%.2f"):format(one:seconds(now, {})), ("%.2f"):format(5 * 116 / 61))
    end,
  },
  {
    "what was never built takes what its package took in another phase, or what is usual",
    function()
      local made = plan { { "low/a" }, { "high/a" }, { "high/new" } }
      local one = estimate.new(made, states(made), { ["low/a"] = 30 }, 1)
      check.equal(one.expected, { ["low/a"] = 30, ["high/a"] = 30, ["high/new"] = 30 })
    end,
  },
  {
    "where nothing is known, the steps of this run say it",
    function()
      local made = plan(CHAIN)
      local one = estimate.new(made, states(made), {}, 1)
      check.equal(one:seconds(states(made), {}), nil)
      one:ended("low/a", 4)
      local now = states(made, { ["low/a"] = "done" })
      check.equal({ one:seconds(now, {}), one:part(now, {}) }, { 12.0, 0.25 })
    end,
  },
  {
    "steps that failed, and what waits for them, take no time; a phase without steps is no reason to wait",
    function()
      local made = plan(CHAIN)
      local now = states(made, { ["low/a"] = "failed", ["low/b"] = "blocked" })
      check.equal(estimate.new(made, now, BEFORE, 2):seconds(now, {}), 25.0)
      local only = plan { { "high/d" }, { "low/x", nil, in_base = false } }
      check.equal(estimate.new(only, states(only), { ["high/d"] = 5, ["low/x"] = 7 }, 2):seconds(states(only), {}), 7.0)
    end,
  },
}
