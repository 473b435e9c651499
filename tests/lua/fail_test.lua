local check = require "check"
local fail = require "bq.fail"
local fs = require "bq.fs"

local function missing()
  fs.read "not/there"
end

check.run {
  {
    "what, why, what to do",
    function()
      local inner = fail.new("inner", { cause = "the kernel", hint = "inner hint", notes = { "  a note" } })
      local outer = fail.new("outer", { cause = inner, hint = "outer hint", notes = { "  first" } })
      check.equal(fail.lines(outer), {
        "error: outer",
        "caused by: inner",
        "caused by: the kernel",
        "  first",
        "  a note",
        -- The innermost hint knows most.
        "hint: inner hint",
      })
      check.equal(tostring(outer), table.concat(fail.lines(outer), "\n"))
      check.equal(fail.lines "plain", { "error: plain" })
      check.equal(fail.lines(nil), { "error: nil" })
    end,
  },
  {
    "a native's error says call, path, words and errno",
    function()
      local err = check.raises(missing)
      check.equal(tostring(err), "read `not/there`: No such file or directory (ENOENT)")
      check.equal({ err.op, err.path, err.code, err.errno }, { "read", "not/there", "ENOENT", 2 })
      check.equal(fail.lines(err), { "error: read `not/there`: No such file or directory (ENOENT)" })
    end,
  },
  {
    "wrap makes what was raised the cause",
    function()
      local err = check.raises(function()
        fail.wrap("cannot do it", { hint = "try `that`" }, missing)
      end)
      check.equal(fail.lines(err), {
        "error: cannot do it",
        "caused by: read `not/there`: No such file or directory (ENOENT)",
        "hint: try `that`",
      })
      local a, b, c = fail.wrap("x", nil, function(...)
        return ...
      end, 1, nil, 3)
      check.equal({ a, b == nil, c }, { 1, true, 3 })
    end,
  },
  {
    "wrap shares its options between failures without changing them",
    function()
      local options = { hint = "h" }
      check.raises(function()
        fail.wrap("x", options, missing)
      end)
      check.equal(options, { hint = "h" })
    end,
  },
  {
    "bugs and exits go through wrap as they are",
    function()
      check.equal(
        check.raises(function()
          fail.wrap("x", nil, error, "a bug", 0)
        end),
        "a bug"
      )
      local exit = check.raises(function()
        fail.wrap("x", nil, fail.exit, 3)
      end)
      check.truthy(fail.is_exit(exit))
      check.equal(exit.status, 3)
    end,
  },
  {
    "what is expected, and what is a bug",
    function()
      check.truthy(fail.is_expected(fail.new "x"))
      check.truthy(fail.is_expected(check.raises(missing)))
      check.truthy(not fail.is_expected "text")
      check.truthy(not fail.is_expected(nil))
      check.truthy(not fail.is_expected {})
      -- Wrong arguments for a native are a mistake of the script.
      local err = check.raises(function()
        fs.read {}
      end, "expected")
      check.equal(err.code, "argument")
      check.truthy(not fail.is_expected(err))
    end,
  },
  {
    "usage is status 2",
    function()
      local err = check.raises(function()
        fail.usage("wrong", "do it right")
      end)
      check.equal(err.status, 2)
      check.equal(fail.lines(err), { "error: wrong", "hint: do it right" })
    end,
  },
}
