-- What goes, by the rules of the user.
local check = require "check"
local gc = require "bq.share.gc"

local NOW <const>, DAY <const> = 1000 * 86400, 86400

--- A thing of a step that was used so many days ago.
local function thing(what, days, more)
  local one = {
    kind = "output",
    what = what,
    step = what:match "^%a+",
    size = 10,
    used = NOW - days * DAY,
    reached = false,
    paths = {},
  }
  for name, value in pairs(more or {}) do
    one[name] = value
  end
  return one
end

local things = {
  thing("a1", 1),
  thing("a2", 20),
  thing("a3", 40),
  thing("b1", 50, { reached = true }),
  thing("b2", 30),
  thing("c1", 60, { step = false, size = 100 }),
}

local function chosen(rules, of)
  rules.now = NOW
  local names = {}
  for index, one in ipairs(gc.choose(of or things, rules)) do
    names[index] = one.what
  end
  return table.concat(names, " ")
end

check.run {
  {
    "without a rule all goes that no plan reaches, the oldest first",
    function()
      check.equal(chosen {}, "c1 a3 b2 a2 a1")
    end,
  },
  {
    "age, builds of a step, size",
    function()
      check.equal(chosen { older_than = 25 * DAY }, "c1 a3 b2")
      check.equal(chosen { keep = 1 }, "c1 a3 a2")
      check.equal(chosen { keep = 2 }, "c1 a3")
      -- There are 150 bytes: 100 of the oldest, 10 of each other one.
      check.equal(chosen { to = 150 }, "")
      check.equal(chosen { to = 149 }, "c1")
      check.equal(chosen { to = 40 }, "c1 a3")
      check.equal(chosen { to = 0 }, "c1 a3 b2 a2 a1")
      check.equal(chosen { to = 0, keep = 1 }, "c1 a3 a2")
      check.equal(chosen { to = 40, older_than = 45 * DAY }, "c1")
    end,
  },
  {
    "a step of another architecture is another step",
    function()
      local both = {
        thing("a1", 1, { arch = "x86_64" }),
        thing("a2", 2, { arch = "aarch64" }),
        thing("a3", 3, { arch = "x86_64" }),
      }
      check.equal(chosen({ keep = 1 }, both), "a3")
    end,
  },
}
