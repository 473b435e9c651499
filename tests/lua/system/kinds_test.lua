local check = require "check"
local kinds = require "bq.system.kinds"
local said = require("said").of

check.run {
  {
    "what is right is not said",
    function()
      local kind = kinds.record { a = kinds.whole(0, 9), ["b?"] = kinds.list(kinds.NAME), ["c?"] = kinds.flag }
      check.equal(said(kind, { a = 1 }), {})
      check.equal(said(kind, { a = 9, b = { "zlib", "a-b.c_d" }, c = false }), {})
      check.equal(said(kinds.map(kinds.NAME, kinds.path), { a = "/b/c", d = "/" }), {})
      check.equal(said(kinds.one_of { "a", false }, false), {})
      check.equal(said(kinds.list(kinds.LINE), {}), {})
    end,
  },
  {
    "all that is wrong is said, each with its place",
    function()
      local kind = kinds.record { name = kinds.NAME, size = kinds.whole(1, 5), ["list?"] = kinds.list(kinds.path) }
      check.equal(said(kind, { nmae = "a", size = 6, list = { "/ok", "no", 1 } }), {
        "x.nmae is no field, did you mean `name`?",
        "x.list[2] is `no`, which is not an absolute path",
        "x.list[3] is a number, expected an absolute path",
        "x.name is missing",
        "x.size is 6, expected a number from 1 to 5",
      })
      check.equal(said(kind, { 1 }), { "x is a list, expected a table" })
      check.equal(said(kind, "a"), { "x is a text, expected a table" })
      check.equal(said(kinds.list(kinds.flag), { a = 1 }), { "x is a table, expected a list" })
      check.equal(said(kinds.map(kinds.NAME, kinds.flag), { true }), { "x is a list, expected a table of names" })
      check.equal(said(kinds.map(kinds.NAME, kinds.flag), { ["A b"] = 1 }), {
        "x has a name that is `A b`, which is not a name",
        "x.A b is a number, expected true or false",
      })
      check.equal(said(kinds.whole(0, 1), 1.5), { "x is a number, expected a whole number" })
      check.equal(said(kinds.flag, "yes"), { "x is a text, expected true or false" })
    end,
  },
  {
    "one of some values, with the nearest",
    function()
      local kind = kinds.one_of { "login", "shell", false }
      check.equal(said(kind, "logn"), { 'x is `logn`, expected "login" or "shell" or false, did you mean `login`?' })
      check.equal(said(kind, true), { 'x is true, expected "login" or "shell" or false' })
    end,
  },
  {
    "paths",
    function()
      for _, path in ipairs { "", "a", "/a//b", "/a/../b", "/a/..", "/./a", "/a:b", "/a\nb" } do
        check.equal(#said(kinds.path, path), 1, path)
      end
      for _, path in ipairs { "/", "/a", "/a/b.c", "/a b", "/..a" } do
        check.equal(#said(kinds.path, path), 0, path)
      end
    end,
  },
}
