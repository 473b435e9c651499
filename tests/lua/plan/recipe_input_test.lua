-- Every field of a recipe with every kind of value: a plan, or a list of mistakes; never a traceback.
local check = require "check"
local fail = require "bq.fail"
local fs = require "bq.fs"
local json = require "bq.json"
local plan = require "bq.plan.plan"
local recipe = require "bq.plan.recipe"

local HASH <const> = ('("%s")'):format(("0123456789abcdef"):rep(4))

-- stylua: ignore
local VALUES = {
  '""', '"x"', '("x"):rep(100000)', '"\\xff\\xfe"', '"a\\0b"', '"\\n"', '"../../x"', '"a/b"', "1", "-1", "1.5", "0/0", "1/0", "true", "false",
  "print", "{}", "{ 1 }", "{ {} }", "{ x = 1 }", "{ x = {} }", "{ [1.5] = 'x' }", "{ [true] = 'x' }", "{ 'a', nil, 'b' }", "{ 'a', x = 'b' }",
  "{ ['\\xff'] = 'x' }", "{ x = '\\xff' }", "{ '\\xff' }", "{ '' }", "{ x = print }", "{ print }", "{ { { { print } } } }", "{ a = 1/0 }",
  "(function() local t = {} t.t = t return t end)()", "(function() local t = {} for _ = 1, 1000 do t = { t } end return t end)()",
  "setmetatable({}, { __index = function() error 'x' end, __pairs = function() error 'y' end, __tostring = error })",
  "coroutine.create(print)", "io.stdout",
  "{ one = { version = 2 } }", "{ one = { strategy = 'zzz' } }", "{ one = { depends = 1 } }", "{ one = { source = 1 } }", "{ one = { phases = {} } }",
  "{ one = print }", "{ one = { install = 1 } }", "{ one = { env = { [1] = 2 } } }",
}
-- stylua: ignore
local PLACES = {
  "url = 1", "url = ''", "url = 'http://x/..'", "url = 'x\\n'", "url = ('x'):rep(100000)", "url = 'http://x', strip = 'x'", "url = 'http://x', strip = -1",
  "url = 'http://x', size = 'y'", "url = 'http://x', size = 1.5", "debian = {}", "debian = 'a/b'", "debian = '..'", "debian = 'x', package = 1",
  "debian = 'x', package = '../x'", "url = 'http://x', exclude = 'x'",
  "url = 'http://x', exclude = {}", "url = 'http://x', exclude = { '/x' }", "url = 'http://x', exclude = { a = 'x' }", "url = 'http://x', unpack = 1",
  "url = 'http://x', unpack = false, strip = 1", "url = 'http://x', unpack = false, exclude = { 'x' }", "url = false", "debian = true",
}
local SOURCES = { "['a/b'] = ", "['..'] = ", "[''] = ", "[3] = ", "main = " }

local COMMON = {
  "name",
  "version",
  "license",
  "homepage",
  "source",
  "sources",
  "strategy",
  "depends",
  "uses",
  "env",
  "strip",
  "include",
  "seed_at",
  "phases",
  "configure",
  "build",
  "check",
  "install",
  "unknown",
}
local STRATEGIES = { "autotools", "busybox", "cmake", "files", "kernel", "linux_headers", "llvm", "make" }

local DECLARATION = {
  sets = { core = { "core" } },
  target = "{arch}-x",
  epoch = 1,
  env = {},
  phases = {
    { name = "one", about = "x", base = { "seed" }, prefix = "/usr", env = {}, packages = { core = { "a" } } },
  },
}

--- A plan is made of the recipe, and can be written; or its mistakes are told.
local function holds(fields)
  local text = "return {\n"
  for _, field in ipairs { "name", "version", "license", "strategy" } do
    fields[field] = fields[field] or ({ name = '"a"', version = '"1"', license = '"MIT"' })[field]
  end
  for field, value in pairs(fields) do
    text = ("%s  %s = %s,\n"):format(text, field, value)
  end
  fs.write("recipes/a.lua", text .. "}\n", { sync = false })
  local trace
  local ok, err = xpcall(function()
    json.encode(plan.make(DECLARATION, { set = "core", arch = "x86_64" }, recipe.collection { "recipes" }))
  end, function(err)
    trace = debug.traceback(tostring(err), 2)
    return err
  end)
  if not ok then
    check.truthy(
      fail.is_expected(err) and fail.lines(err)[1]:find "^error: the plan has .* ?mistakes?$",
      text:sub(1, 300) .. "\n" .. trace
    )
    for _, line in ipairs(fail.lines(err)) do
      check.truthy(utf8.len(line) or text:find "\\xff", line:sub(1, 300))
    end
  end
  return ok
end

fs.mkdir "recipes"
check.run {
  {
    "each field with each value",
    function()
      for index, strategy in ipairs(STRATEGIES) do
        local fields = index == 1 and table.move(COMMON, 1, #COMMON, 1, {}) or {}
        for field in pairs(require("bq.strategy." .. strategy).fields or {}) do
          fields[#fields + 1] = field
        end
        for _, field in ipairs(fields) do
          for _, value in ipairs(VALUES) do
            holds { strategy = ('"%s"'):format(strategy), [field] = value }
          end
        end
      end
    end,
  },
  {
    "each wrong source is a mistake",
    function()
      for _, place in ipairs(PLACES) do
        check.truthy(
          not holds { strategy = '"files"', source = ("{ { %s, sha256 = %s } }"):format(place, HASH) },
          place
        )
      end
      for _, name in ipairs(SOURCES) do
        local ok = holds {
          strategy = '"files"',
          sources = ("{ %s{ { url = 'http://x/y', sha256 = %s, pinned = '1' } } }"):format(name, HASH),
        }
        check.equal(ok, name == "main = ")
      end
    end,
  },
  {
    "what is no recipe at all",
    function()
      for _, text in ipairs {
        "",
        "return",
        "return 1",
        "return 'x'",
        "return print",
        "return setmetatable({}, {})",
        "error()",
        "error {}",
        "x = 1",
        "return {",
        "\27Lua",
        "return { 1 }",
        "return { [1.5] = 2 }",
        "return { ['\\xff'] = 1 }",
        "\xff",
        "return {}",
        "local function f() return f() + 1 end return f()",
      } do
        fs.write("recipes/a.lua", text, { sync = false })
        local ok, err =
          pcall(plan.make, DECLARATION, { set = "core", arch = "x86_64" }, recipe.collection { "recipes" })
        check.truthy(
          not ok and fail.is_expected(err) and fail.lines(err)[1]:find "^error: the plan has .* ?mistakes?$",
          text .. ": " .. tostring(err)
        )
      end
    end,
  },
}
