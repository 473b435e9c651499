---@diagnostic disable: undefined-global, global-in-non-module -- that is what these cases try
local check = require "check"

check.run {
  {
    "reading a global that nobody set",
    function()
      check.raises(function()
        return undefined_name -- luacheck: ignore
      end, "the global `undefined_name` was never set")
    end,
  },
  {
    "setting a global in a function",
    function()
      check.raises(function()
        accidental = 1 -- luacheck: ignore
      end, "assignment to the unset global `accidental`; write `local accidental`")
    end,
  },
  {
    "a main chunk may, and then all may",
    function()
      assert(load("on_purpose = 1", "=chunk"))()
      check.equal(on_purpose, 1) -- luacheck: ignore
      on_purpose = nil -- luacheck: ignore
      check.equal(on_purpose, nil) -- luacheck: ignore
      check.equal(rawget(_G, "never"), nil)
    end,
  },
  {
    "what Lua has is there, but for foreign machine code",
    function()
      for _, name in ipairs { "string", "table", "math", "utf8", "coroutine", "os", "io", "debug", "require", "arg" } do
        check.truthy(_G[name], name)
      end
      check.equal(package.loadlib, nil)
      check.equal(package.cpath, "")
      check.equal(#package.searchers, 2)
    end,
  },
}
