-- The recipe loader: any text is a plan, or a list of mistakes. A text that could go on for ever is not tried.
local fail = require "bq.fail"
local fs = require "bq.fs"
local json = require "bq.json"
local plan = require "bq.plan.plan"
local recipe = require "bq.plan.recipe"

-- stylua: ignore
local target = {
  words = {
    "name = ", "version = ", "license = ", "homepage = ", "source = ", "sources = ", "strategy = ", "depends = ", "uses = ", "env = ", "strip = ",
    "include = ", "seed_at = ", "phases = ", "configure = ", "cmake = ", "make = ", "config = ", "files = ", "links = ", "folders = ", "one = ", "{", "}",
    ",", "nil", "true", "0x7fffffffffffffff", "1e999", '"', '"\\xff"', "[1] = ", "['a'] = ", "{version}", "{}", "{ { url = 'http://x/y', sha256 = '0' } }",
    '"autotools"', '"cmake"', '"llvm"', '"busybox"', "-", "..", "#", "--", "[[", "]]", "\\0", "return",
  },
}

function target.seeds()
  local hash = ("0123456789abcdef"):rep(4)
  return {
    'return { name = "a", version = "1", license = "MIT", strategy = "files", files = { ["/a"] = "x" }, links = { ["/l"] = "a" }, folders = { "/f" } }',
    ('return { name = "a", version = "1.2", license = "MIT", strategy = "autotools", source = { { url = "https://x/a-{version}.tar.gz", sha256 = "%s", pinned = "1.2", strip = 1, size = 5 }, { debian = "a_1.orig.tar.xz", package = "a" } }, configure = { "--x={prefix}" }, env = { A = 1, B = true }, depends = { "b" }, uses = { "c" } }'):format(
      hash
    ),
    ('return { name = "a", version = "1", license = "MIT", strategy = "cmake", sources = { main = { { url = "http://x/y", sha256 = "%s" } }, more = { { url = "http://x/z", sha256 = "%s" } } }, cmake = { "X=ON" }, phases = { one = { cmake = { "X=OFF" }, strip = false } }, include = { "a/*" } }'):format(
      hash,
      hash
    ),
    'return { name = "a", version = "1", license = "MIT", strategy = "busybox", config = { A = true, B = 2, C = "x" }, seed_at = "/opt/seed" }',
  }
end

function target.prepare()
  fs.mkdir "recipes"
  fs.write("recipes/b.lua", 'return { name = "b", version = "1", license = "MIT", strategy = "files" }\n')
end

local DECLARATION = {
  sets = { core = { "core" } },
  target = "{arch}-x",
  epoch = 1,
  env = {},
  phases = {
    { name = "one", about = "x", base = { "seed" }, prefix = "/usr", env = {}, packages = { core = { "a", "b" } } },
  },
}

function target.try(input)
  -- Inside of texts and remarks such a word does no harm, and is left out too.
  for _, word in ipairs { "while", "for", "repeat", "goto", "function", "rep" } do
    if input:find(word, 1, true) then
      return
    end
  end
  fs.write("recipes/a.lua", input, { sync = false })
  local trace
  local ok, err = xpcall(function()
    local made = plan.make(DECLARATION, { set = "core", arch = "x86_64" }, recipe.collection { "recipes" })
    assert(json.encode(json.decode(json.encode(made))) == json.encode(made), "the plan does not go through JSON")
  end, function(err)
    trace = debug.traceback(tostring(err), 2)
    return err
  end)
  if not ok and not (fail.is_expected(err) and fail.lines(err)[1]:find "^error: the plan has ") then
    error(trace, 0)
  end
end

return target
