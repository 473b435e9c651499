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
    "a step that prints much is not read whole",
    function()
      local one = follow.new "much"
      fs.write("much", "== build\n" .. ("y\n"):rep(100000) .. "== install\nlast\n")
      one:look()
      check.equal({ one.verb, one.line }, { "install", "last" })
    end,
  },
}
