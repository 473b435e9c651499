-- The library as a whole: which file needs which, and how long each is.
local check = require "check"
local fs = require "bq.fs"
local host = require "bq.host"
local tables = require "bq.tables"
local tokens = require "bq.plan.tokens"

local LONGEST <const> = 320
local root = fs.realpath(host.script):match "^(.*)/tests/lua/[^/]+$"

--- The texts of the library's modules, by name; stubs are no code.
local texts = {}
for _, entry in ipairs(fs.walk(root .. "/lua-lib/bq")) do
  local stem = entry.path:match "^(.*)%.lua$"
  if stem then
    local name = ("bq." .. stem:gsub("/", ".")):gsub("%.init$", "")
    texts[name] = fs.read(root .. "/lua-lib/bq/" .. entry.path)
  end
end

--- The first circle in a graph, as a list that ends where it began; `nil` if there is none.
local function circle(graph)
  local done, path = {}, {}
  local function visit(name)
    if done[name] then
      return nil
    end
    for index, above in ipairs(path) do
      if above == name then
        return tables.append({ table.unpack(path, index) }, { name })
      end
    end
    path[#path + 1] = name
    for _, needed in ipairs(graph[name] or {}) do
      local found = visit(needed)
      if found then
        return found
      end
    end
    path[#path] = nil
    done[name] = true
  end
  for _, name in ipairs(tables.names(graph)) do
    local found = visit(name)
    if found then
      return found
    end
  end
end

check.run {
  {
    "a circle is found",
    function()
      check.equal(circle { a = { "b" }, b = { "c" }, c = {} }, nil)
      check.equal(circle { a = { "b", "c" }, b = { "c" }, c = { "b" } }, { "b", "c", "b" })
      check.equal(circle { a = { "a" } }, { "a", "a" })
    end,
  },
  {
    "no file of the library needs itself, by whatever way",
    function()
      local graph, count = {}, 0
      for name, text in pairs(texts) do
        graph[name] = {}
        for _, needed in ipairs(tokens.requires(text)) do
          if texts[needed] then
            table.insert(graph[name], needed)
            count = count + 1
          end
        end
      end
      check.truthy(count > 100, "the library's files are read")
      local found = circle(graph)
      check.truthy(not found, found and table.concat(found, " needs "))
    end,
  },
  {
    ("no file of the library has more than %d lines"):format(LONGEST),
    function()
      local long = {}
      for name, text in tables.sorted(texts) do
        local _, count = text:gsub("\n", "")
        long[#long + 1] = count > LONGEST and ("%s: %d"):format(name, count) or nil
      end
      check.equal(long, {})
    end,
  },
}
