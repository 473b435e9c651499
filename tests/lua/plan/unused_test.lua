-- Files beside recipes that nothing uses are named.
local check = require "check"
local plan = require "bq.plan.plan"
local scratch = require "scratch"
local unused = require "bq.plan.unused"

local count = 0

--- What is said of a folder with these recipes (name to more Lua) and these files beside them.
local function found(recipes, beside, packages)
  count = count + 1
  local folder, texts, names = "case" .. count, {}, {}
  for name, more in pairs(recipes) do
    texts[name], names[#names + 1] = scratch.recipe(name, more ~= "" and more or nil), name
  end
  for _, path in ipairs(beside) do
    scratch.write(folder .. "/" .. path, "# text")
  end
  table.sort(names)
  local collection = scratch.recipes(folder, texts)
  local made = plan.make(scratch.declaration(packages or names), scratch.selection(), collection)
  local out = unused.find(collection, made)
  for index, line in ipairs(out) do
    out[index] = line:gsub(folder .. "/", "")
  end
  return out
end

check.run {
  {
    "patches of a version that is not built",
    function()
      check.equal(found({ a = "" }, { "patches/a-1/0001-x.patch" }), {})
      check.equal(
        found({ a = "" }, { "patches/a-0.9/0001-x.patch", "patches/a-1/0001-x.patch" }),
        { "`patches/a-0.9` is not used: `a` is built in version 1" }
      )
      -- A phase may build another one.
      check.equal(
        found(
          { a = 'phases = { one = { version = "0.9" } }' },
          { "patches/a-0.9/0001-x.patch", "patches/a-1/0001-x.patch" }
        ),
        {}
      )
    end,
  },
  {
    "of recipes whose names begin alike, the longer one's",
    function()
      check.equal(found({ a = "", ["a-b"] = "" }, { "patches/a-b-1/0001-x.patch", "patches/a-1/0001-x.patch" }), {})
      check.equal(
        found({ a = "", ["a-b"] = "" }, { "patches/a-b-2/0001-x.patch" }),
        { "`patches/a-b-2` is not used: `a-b` is built in version 1" }
      )
    end,
  },
  {
    "files that are no patches by their names",
    function()
      check.equal(
        found(
          { a = "" },
          { "patches/a-1/0001-x.patch", "patches/a-1/0002-y.diff", "patches/a-1/README", "patches/a-1/series" }
        ),
        {
          "`patches/a-1/0002-y.diff` is not used: the name of a patch ends in `.patch`",
          "`patches/a-1/series` is not used: the name of a patch ends in `.patch`",
        }
      )
    end,
  },
  {
    "patches of no recipe; those of one that is not in the plan are none of its business",
    function()
      check.equal(
        found({ zlib = "" }, { "patches/zlbi-1/0001-x.patch" }),
        { "`patches/zlbi-1` is not used: there is no recipe beside it whose name it begins with" }
      )
      check.equal(found({ a = "", b = "" }, { "patches/b-0.9/0001-x.patch" }, { "a" }), {})
    end,
  },
  {
    "files that a recipe does not name, in any phase, for any architecture",
    function()
      local kernel = 'strategy = "kernel", fragments = { "all.config", "{arch}.config" }'
      local files = {
        "linux/all.config",
        "linux/x86_64.config",
        "linux/aarch64.config",
        "linux/sub/other.config",
        "linux/README.md",
      }
      check.equal(
        found({ linux = kernel }, files),
        { "`linux/sub/other.config` is not used: no field of the recipe names it" }
      )
      check.equal(
        found(
          { linux = kernel .. ', phases = { other = { fragments = { "all.config", "sub/other.config" } } }' },
          { files[1], files[2], files[4] }
        ),
        {}
      )
      check.equal(
        found({ linux = kernel .. ', configs = { one = {}, two = { "sub/{arch}.config" } }' }, {
          "linux/all.config",
          "linux/x86_64.config",
          "linux/sub/x86_64.config",
          "linux/sub/aarch64.config",
          "linux/other.txt",
        }),
        { "`linux/other.txt` is not used: no field of the recipe names it" }
      )
    end,
  },
  {
    "nothing is said of the recipes that come with bq",
    function()
      local recipe = require "bq.plan.recipe"
      local bundled = recipe.collection { "$/scripts/packages" }
      local steps = {}
      for _, name in ipairs(bundled:names()) do
        steps[#steps + 1] = { name = name }
      end
      check.equal(unused.find(bundled, { steps = steps }), {})
    end,
  },
}
