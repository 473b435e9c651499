local check = require "check"
local slots = require "bq.run.slots"

--- What each share has been given.
local function given(all)
  local out = {}
  for index, share in ipairs(all.shares) do
    out[index] = share.given
  end
  return out
end

check.run {
  {
    "a step has one slot, and all that nobody else wants",
    function()
      local all = slots.new(4)
      check.equal({ all:may_start(), all:free() }, { true, 4 })
      local a = all:open()
      check.equal(a.makeflags, ("-j4 --jobserver-auth=%d,%d"):format(a.fds[1], a.fds[2]))
      check.equal(all:free(), 3)
      all:balance()
      check.equal({ a.given, a.server:available(), all:free(), all:is_shared() }, { 3, 3, 0, false })
      all:balance()
      check.equal(a.given, 3)
      all:close(a)
      check.equal({ all:free(), #all.shares }, { 4, 0 })
      check.raises(function()
        a.server:available()
      end, "it is closed")
    end,
  },
  {
    "tokens that lie unused go to a step that is ready",
    function()
      local all = slots.new(2)
      local a = all:open()
      all:balance()
      check.truthy(all:may_start())
      check.equal(a.given, 0)
      all:open()
      check.equal({ all:may_start(), all:free(), all:is_shared() }, { false, 0, false })
      -- One job: one step at a time.
      local one = slots.new(1)
      one:open()
      one:balance()
      check.equal({ given(one), one:may_start() }, { { 0 }, false })
    end,
  },
  {
    "they are shared out evenly, and anew as they are used",
    function()
      local all = slots.new(8)
      local a, b = all:open(), all:open()
      all:balance()
      check.equal(given(all), { 3, 3 })
      -- One uses all that it has, the other none of it.
      check.equal(a.server:take(3), 3)
      all:balance()
      check.equal({ given(all), b.server:available() }, { { 5, 1 }, 1 })
      check.equal(a.server:take(9), 2)
      all:balance()
      check.equal({ given(all), all:free() }, { { 5, 1 }, 0 })
      -- Given back, they can go to the other.
      a.server:put(5)
      b.server:take(1)
      all:balance()
      check.equal({ given(all), all:free() }, { { 1, 5 }, 0 })
    end,
  },
  {
    "a step that takes all and gives nothing back has no more than it was given",
    function()
      local all = slots.new(4)
      local a = all:open()
      all:balance()
      check.equal(a.server:take(1000), 3)
      check.equal({ all:may_start(), all:free() }, { false, 0 })
      for _ = 1, 3 do
        all:balance()
      end
      check.equal(a.given, 3)
      -- With its end all is free again.
      all:close(a)
      check.equal(all:free(), 4)
    end,
  },
  {
    "a step that fills its pipe gets nothing by it, and holds nobody up",
    function()
      local all = slots.new(4)
      local a, b = all:open(), all:open()
      all:balance()
      check.equal(given(all), { 1, 1 })
      local put = a.server:put(1 << 20)
      check.truthy(put > 1000 and put < 1 << 20, put)
      check.truthy(a.server:put(1) == 0)
      b.server:take(1)
      all:balance()
      check.equal({ a.server:available(), a.given, b.given, all:free() }, { 1, 1, 1, 0 })
      a.server:put(500)
      check.equal({ all:may_start(), a.given, a.server:available() }, { true, 0, 0 })
    end,
  },
}
