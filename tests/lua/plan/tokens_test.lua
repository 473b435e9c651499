local check = require "check"
local tokens = require "bq.plan.tokens"

local function list(text, expected)
  check.equal(tokens.list(text), expected, text)
end

local function same(a, b)
  check.equal(tokens.digest(a), tokens.digest(b), a .. "\n is not the same as\n" .. b)
end

local function differ(a, b)
  check.truthy(tokens.digest(a) ~= tokens.digest(b), a .. "\n is the same as\n" .. b)
end

check.run {
  {
    "comments are no tokens",
    function()
      list("a = 1 -- b\nc", { "a", "=", "1", "c" })
      list("a --[[ b\nc ]] d", { "a", "d" })
      list("a --[==[ ]] ]=] ]==] d", { "a", "d" })
      list("a --[ b\nc", { "a", "c" })
      list("a --[=b\nc", { "a", "c" })
      list("--", {})
      list("a --[[ open", { "a" })
      list("#!/usr/bin/env bq\na", { "a" })
      list("#!only", {})
    end,
  },
  {
    "strings are whole",
    function()
      list([[a "b -- c" d]], { "a", '"b -- c"', "d" })
      list([[a "b \" c" d]], { "a", [["b \" c"]], "d" })
      list([[a 'it\\' b]], { "a", [['it\\']], "b" })
      list([[a '"' b]], { "a", "'\"'", "b" })
      list("a [[ -- b\n]] c", { "a", "[[ -- b\n]]", "c" })
      list("a [==[ ]] ]==] c", { "a", "[==[ ]] ]==]", "c" })
      list('"', { '"' })
      list("a[b[1]]", { "a", "[", "b", "[", "1", "]", "]" })
    end,
  },
  {
    "numbers and names are whole",
    function()
      list("0x1F 3.25 .5 1e9 x1_y", { "0x1F", "3.25", ".5", "1e9", "x1_y" })
      list("a.b.c", { "a", ".", "b", ".", "c" })
      list("a..b ... c", { "a", "..", "b", "...", "c" })
      list("a==b~=c<=d//e<<f::g", { "a", "==", "b", "~=", "c", "<=", "d", "//", "e", "<<", "f", "::", "g" })
    end,
  },
  {
    "comments and layout do not count",
    function()
      same("return { a = 1 }", "-- why\nreturn {\n  a = 1 -- because\n}\n")
      same("return {a=1,b={2}}", "return { a = 1, b = { 2 } }")
      same("a=-.5", "a = - .5")
      same("a=.5", "a = .5")
      same("a=#b", "a = #b")
      same("local t<const> = 1", "local t <const> =1")
      same("a==~b", "a == ~b")
      same("#!/usr/bin/bq\nx", "x")
      same("x\r\ny", "x y")
    end,
  },
  {
    "what is said does",
    function()
      differ("return { a = 1 }", "return { a = 2 }")
      differ('a = "x"', 'a = "x "')
      differ("a = 'x'", "a = 'y'")
      differ("a b", "ab")
      differ("a = b - c", "a = b + c")
      differ("a = [[ x ]]", "a = [[x]]")
      differ('f("a", "b")', 'f("a b")')
      differ("x = '-- a'", "x = '-- b'")
      differ("a . b", "a .. b")
      differ("", "x")
    end,
  },
  {
    "required modules are found, by literal name only",
    function()
      check.equal(
        tokens.requires [[
          local a = require "bq.a"
          local b = require("bq.b")
          local c = require('bq.c').d
          -- require "bq.e"
          local f = require(name)
        ]],
        { "bq.a", "bq.b", "bq.c" }
      )
    end,
  },
  {
    "all of the library is read as Lua reads it",
    function()
      -- Joined anew, the tokens of a chunk are a chunk with the same tokens: nothing is lost, nothing is torn.
      local host = require "bq.host"
      local count = 0
      for _, name in ipairs(host.bundle()) do
        if name:find "%.lua$" then
          local text = host.bundled(name)
          local joined = table.concat(tokens.list(text), "\n")
          check.truthy(load(joined, "=x", "t"), name)
          check.equal(table.concat(tokens.list(joined), "\n"), joined, name)
          count = count + 1
        end
      end
      check.truthy(count > 50, count)
    end,
  },
}
