-- What a recipe's top level can do: compute, and nothing else.
local check = require "check"
local fs = require "bq.fs"
local sandbox = require "bq.plan.sandbox"

--- What a chunk returns, or its error without the place.
local function run(text)
  local chunk, box = sandbox.load(text, "@r.lua")
  assert(chunk, box)
  local results = table.pack(pcall(chunk)) ---@type table<integer|string, any>
  if not results[1] then
    return (tostring(results[2]):gsub("^r%.lua:%d+: ", ""))
  end
  return table.unpack(results, 2, results.n)
end

check.run {
  {
    "nothing of the machine is there, and what is missing is named",
    function()
      local b = "a step has `b`: `b:run` runs a program, `b.env` is the environment, `b.epoch` the time"
      for text, wanted in pairs {
        ['os.execute "touch pwned"'] = "`os.execute` is not available in a recipe; " .. b,
        ['return os.getenv "HOME"'] = "`os.getenv` is not available in a recipe; " .. b,
        ["return os.time()"] = "`os.time` is not available in a recipe; " .. b,
        ['os["remove"] "x"'] = "`os.remove` is not available in a recipe; " .. b,
        ['return io.open("/etc/passwd")'] = "`io.open` is not available in a recipe; a step has `b`: `b:run` runs a program, `b:read` and `b:write` are for files",
        ['io.popen "touch pwned"'] = "`io.popen` is not available in a recipe; a step has `b`: `b:run` runs a program, `b:read` and `b:write` are for files",
        ["return debug.getregistry()"] = "`debug.getregistry` is not available in a recipe",
        ["return package.loaded"] = "`package.loaded` is not available in a recipe",
        ['dofile "x.lua"'] = "`dofile` is not available in a recipe; files beside a recipe are named by fields of the kind `texts`",
        ['loadfile "x.lua"'] = "`loadfile` is not available in a recipe; files beside a recipe are named by fields of the kind `texts`",
        ['load "return os"'] = "`load` is not available in a recipe",
        ["print(1)"] = "`print` is not available in a recipe; a step has `b:say`",
        ['require "bq.fs"'] = '`require "bq.fs"` is not available in a recipe; strategies are, and bq.fail, bq.json and bq.tables; a step has `b`',
        ['require "bq.plan.recipe"'] = '`require "bq.plan.recipe"` is not available in a recipe; strategies are, and bq.fail, bq.json and bq.tables; a step has `b`',
        ['require "bq.strategy...fs"'] = '`require "bq.strategy...fs"` is not available in a recipe; strategies are, and bq.fail, bq.json and bq.tables; a step has `b`',
        ["require(1)"] = "`require` wants the name of a module",
        ['require("bq.strategy." .. "files")'] = '`bq.strategy.files` is required by a name that is put together; write `require "bq.strategy.files"`',
        ["return _G.os"] = "the global `_G` was never set",
        ["x = 1"] = "`x` is set as a global; write `local x`",
        ["return math.random()"] = "attempt to call a nil value (field 'random')",
      } do
        check.equal(run(text), wanted, text)
      end
      check.equal(fs.list ".", {})
    end,
  },
  {
    "a strategy's functions do not run before the step does",
    function()
      -- The strategy would change a mode outside.
      local call =
        [[require("bq.strategy.files").install { dest = "", recipe = { sticky = { "%s/target" } }, mkdir = function() end }]]
      fs.mkdir("target", tonumber("755", 8))
      check.equal(
        run(call:format(fs.cwd())),
        "`files.install` can be called in a step only: in a function of the recipe"
      )
      check.equal(fs.stat("target").mode, tonumber("755", 8))
      local chunk, box = sandbox.load("return function() " .. call:format(fs.cwd()) .. " end", "@r.lua")
      local verb = chunk()
      box.in_step = true
      verb()
      check.equal(fs.stat("target").mode, tonumber("1777", 8))
    end,
  },
  {
    "what is shared with the program cannot be changed",
    function()
      local fields = require("bq.strategy.make").fields
      check.equal(
        run 'require("bq.strategy.make").fields.make = nil require("bq.strategy.make").install = 1 return require("bq.strategy.make").install',
        1
      )
      check.equal(fields.make, "strings")
      run "string.format, table.concat, math.floor = nil, nil, nil"
      check.equal(run "return string.format '1', table.concat {}, math.floor(1.5)", "1")
      check.truthy(string.format and table.concat and math.floor)
      check.equal(run 'return getmetatable("")', nil)
      check.equal(run 'local _, failure = pcall(require("bq.fail").raise, "x") return getmetatable(failure)', nil)
      check.equal(run "return getmetatable(os)", nil)
      check.equal(run "return getmetatable(_ENV)", nil)
      check.equal(run "rawset(_ENV, 'ok', 1) return ok", 1)
      check.equal(rawget(_G, "ok"), nil)
      check.equal(run "return pcall(setmetatable, _ENV, {})", false)
      check.equal(run 'require("bq.tables").copy = nil', nil)
      check.truthy(require("bq.tables").copy)
      check.equal(
        run "local t = setmetatable({}, { __index = { a = 1 } }) return t.a + (getmetatable(t) and 1 or 0)",
        2
      )
    end,
  },
  {
    "what only computes is there",
    function()
      check.equal(run 'return ("%d-%s"):format(3, ("x"):rep(2)) .. table.concat({ 1, 2 }, ",")', "3-xx1,2")
      check.equal(run 'return require("bq.json").encode(require("bq.tables").append({ 1 }, { 2 }))', "[1,2]")
      check.equal(run 'return select("#", pcall(error, "x")) + math.floor(2.5) + utf8.len "é"', 5)
      check.equal(run 'local cmake = require "bq.strategy.cmake" return cmake.fields.cmake', "strings")
    end,
  },
  {
    "a text with a mistake, and one that is no text",
    function()
      local chunk, message = sandbox.load("return {", "@r.lua")
      check.equal(chunk, nil)
      check.contains(message, "r.lua:1: ")
      chunk, message = sandbox.load(string.dump(function() end), "@r.lua")
      check.equal(chunk, nil)
      check.contains(message, "attempt to load a binary chunk")
    end,
  },
}
