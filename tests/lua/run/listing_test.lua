-- The lines of `status`.
local check = require "check"
local listing = require "bq.run.listing"

---@type any
local ROWS <const> = {
  { state = "done", step = "low/a", version = "1", output = ("ab"):rep(32) },
  {
    state = "done",
    step = "low/a-much-longer-name-than-the-others",
    version = "6.6+20260608",
    output = ("cd"):rep(32),
  },
  { state = "waiting", step = "low/b", version = "1" },
}

check.run {
  {
    "columns are as wide as what is in them, and no line ends with spaces",
    function()
      ---@type any
      local space = {}
      check.equal(listing.lines(ROWS, space), {
        "done     low/a                                   1             abababababababab",
        "done     low/a-much-longer-name-than-the-others  6.6+20260608  cdcdcdcdcdcdcdcd",
        "waiting  low/b                                   1",
      })
      check.equal(listing.lines({}, space), {})
    end,
  },
}
