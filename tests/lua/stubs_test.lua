-- The stubs in `lua-lib/meta` are the manual of the native modules: both name the same functions and fields.
local check = require "check"
local host = require "bq.host"
local lint = require "bq.plan.lint"

local function sorted(set)
  local out = {}
  for name in pairs(set) do
    out[#out + 1] = name
  end
  table.sort(out)
  return out
end

--- What a stub declares: of the module itself, and of the objects that it makes.
local function declared(text)
  local module = text:match "^%-%-%-@meta bq%.([%l_]+)"
  check.truthy(module, "the first line of a stub is `---@meta bq.NAME`")
  local names, objects = {}, {}
  for owner, dot, name in text:gmatch "\nfunction ([%w_]+)([.:])([%w_]+)%(" do
    local set = names
    if owner ~= module then
      check.equal(dot, ":", owner .. dot .. name)
      objects[owner] = objects[owner] or {}
      set = objects[owner]
    end
    check.truthy(not set[name], name .. " is declared twice")
    set[name] = "function"
  end
  local class = text:match(("\n%%-%%-%%-@class bq%%.%s\n(.-)local "):format(module))
  for name in (class or ""):gmatch "%-%-%-@field ([%w_]+)" do
    names[name] = "field"
  end
  return module, names, objects
end

local function of_module(module)
  local out = {}
  for name, value in pairs(module) do
    out[name] = type(value) == "function" and "function" or "field"
  end
  return out
end

local stubs = {}
for _, name in ipairs(host.bundle()) do
  local stem = name:match "^%$/lua%-lib/meta/([%l_]+)%.lua$"
  -- The others are types only: what natives raise, what recipes and plans hold.
  if stem and host.bundled(name):find "^%-%-%-@meta bq%." then
    stubs[#stubs + 1] = { stem, host.bundled(name) }
  end
end

local cases = {
  {
    "every native module has a stub, and the other way round",
    function()
      local natives, with_stub = { host = true }, {}
      for name in pairs(package.preload) do
        natives[name:match "^bq%.(.+)$"] = true
      end
      for _, stub in ipairs(stubs) do
        with_stub[stub[1]] = true
      end
      check.equal(sorted(with_stub), sorted(natives))
    end,
  },
  {
    "objects have the methods that their stubs declare",
    function()
      local objects = {
        process = {
          jobserver = require("bq.process").jobserver(),
          keeper = require("bq.process").attribute_keeper(),
        },
        syscall = { descriptor = require("bq.syscall").open_path "/" },
        progress = { bar = require("bq.progress").bar { label = "x" } },
      }
      for _, stub in ipairs(stubs) do
        local module, _, made = declared(stub[2])
        for name, methods in pairs(made) do
          local object = objects[module] and objects[module][name]
          check.truthy(object, ("no `%s` of `bq.%s` to look at"):format(name, module))
          for method in pairs(methods) do
            check.equal(type(object[method]), "function", name .. ":" .. method)
          end
          for method, value in pairs(type(object) == "table" and object or {}) do
            check.truthy(type(value) ~= "function" or methods[method], name .. ":" .. method .. " has no stub")
          end
        end
      end
    end,
  },
}
cases[#cases + 1] = {
  "the stub of recipes has the fields that a recipe may have, and no others",
  function()
    local known = { source = "field" }
    for name in pairs(lint.FIELDS) do
      known[name] = "field"
    end
    for verb in pairs(lint.VERBS) do
      known[verb] = "field"
    end
    for _, name in ipairs(host.bundle()) do
      local strategy = name:match "^%$/lua%-lib/bq/strategy/([%l_]+)%.lua$"
      for field in pairs(strategy and require("bq.strategy." .. strategy).fields or {}) do
        known[field] = "field"
      end
    end
    local stubbed = {}
    local text = host.bundled("$/lua-lib/meta/recipe.lua"):match "%-%-%-@class bq%.RecipeFields.*"
    for name in text:gmatch "%-%-%-@field ([%w_]+)" do
      stubbed[name] = "field"
    end
    check.equal(sorted(stubbed), sorted(known))
  end,
}
for _, stub in ipairs(stubs) do
  cases[#cases + 1] = {
    "bq." .. stub[1],
    function()
      local module, names = declared(stub[2])
      check.equal(module, stub[1])
      local native = of_module(require("bq." .. module))
      check.equal(sorted(names), sorted(native))
      check.equal(names, native)
      -- A stub is Lua that does nothing.
      check.truthy(load(stub[2], "=stub", "t"))
    end,
  }
end
check.run(cases)
