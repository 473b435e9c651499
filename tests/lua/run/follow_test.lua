local check = require "check"
local follow = require "bq.run.follow"
local fs = require "bq.fs"

check.run {
  {
    "the verb and the last whole line of a log that grows",
    function()
      local one = follow.new "log"
      one:look()
      check.equal({ one.verb, one.line }, { "unpack", "" })
      fs.write("log", "[/bq/build] tar\n== conf")
      one:look()
      check.equal({ one.verb, one.line }, { "unpack", "[/bq/build] tar" })
      fs.append("log", "igure\nchecking\tfor \27[31mcc\n")
      one:look()
      check.equal({ one.verb, one.line }, { "configure", "checking for \\x1b[31mcc" })
      fs.append("log", "== build\nx == install\n\n  \n")
      one:look()
      check.equal({ one.verb, one.line }, { "build", "x == install" })
    end,
  },
  {
    "of much that was printed since the last look, the verb is seen wherever it is",
    function()
      local one = follow.new "much"
      fs.write("much", "== build\n" .. ("y\n"):rep(1000000) .. "last\n")
      one:look()
      check.equal({ one.verb, one.line }, { "build", "last" })
      fs.append("much", ("y\n"):rep(1000000) .. "== install\n" .. ("z"):rep(1000000) .. "\n== ")
      one:look()
      check.equal({ one.verb, one.line }, { "install", ("z"):rep(1999) })
      fs.append("much", "test\n")
      one:look()
      check.equal({ one.verb, one.line }, { "test", "== test" })
    end,
  },
  {
    "a line without an end is no verb, however long it is",
    function()
      local one = follow.new "line"
      fs.write("line", ("x"):rep(1 << 19))
      one:look()
      fs.append("line", ("x"):rep(1 << 18) .. "== build\n")
      one:look()
      check.equal(one.verb, "unpack")
    end,
  },
}
