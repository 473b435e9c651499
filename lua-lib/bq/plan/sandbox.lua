-- Where recipes are loaded: a Lua that can compute, and cannot touch the machine. No files, no programs, no environment of the
-- user, no native modules. What a step does, it does through `b`, inside its own root.
local fail = require "bq.fail"
local json = require "bq.json"
local tables = require "bq.tables"
local tokens = require "bq.plan.tokens"

local sandbox = {}

---@class bq.RecipeBox
---@field in_step boolean whether functions of strategies can be called: set by the step, inside its root

local BASIC <const> = {
  "assert",
  "error",
  "ipairs",
  "next",
  "pairs",
  "pcall",
  "rawequal",
  "rawget",
  "rawlen",
  "rawset",
  "select",
  "tonumber",
  "tostring",
  "type",
  "xpcall",
}
--- Whole libraries, without what gives something else at each call.
local LIBRARIES <const> = { "coroutine", "math", "string", "table", "utf8" }
local LEFT_OUT <const> = { random = true, randomseed = true, dump = true }
--- What Lua has besides, and what to use instead.
local ABSENT <const> = {
  os = "a step has `b`: `b:run` runs a program, `b.env` is the environment, `b.epoch` the time",
  io = "a step has `b`: `b:run` runs a program, `b:read` and `b:write` are for files",
  debug = "",
  package = "",
  print = "a step has `b:say`",
  collectgarbage = "",
  dofile = "files beside a recipe are named by fields of the kind `texts`",
  loadfile = "files beside a recipe are named by fields of the kind `texts`",
  load = "",
  arg = "",
}
--- Modules that only compute.
local HELPERS <const> = {
  ["bq.fail"] = { raise = fail.raise },
  ["bq.json"] = { array = json.array, decode = json.decode, encode = json.encode, null = json.null },
  ["bq.tables"] = tables,
}

local function refuse(what, advice, level)
  error(("`%s` is not available in a recipe%s"):format(what, advice ~= "" and "; " .. advice or ""), level + 1)
end

local function copy(from)
  local out = {}
  for name, value in pairs(from) do
    out[name] = not LEFT_OUT[name] and value or nil
  end
  return out
end

--- A module of the library as a recipe has it: its data copied, its functions for steps only.
local function guarded(box, value, name)
  if type(value) == "function" then
    return function(...)
      if not box.in_step then
        error(("`%s` can be called in a step only: in a function of the recipe"):format(name), 2)
      end
      return value(...)
    end
  elseif type(value) == "table" then
    local out = {}
    for key, item in pairs(value) do
      out[key] = guarded(box, item, name .. "." .. tostring(key))
    end
    return out
  end
  return value
end

--- `require`, of helpers and of the strategies that the text names in so many words: only these are in the step's key.
local function requirer(box, text)
  local loaded, named = {}, nil
  return function(name)
    if type(name) ~= "string" then
      error("`require` wants the name of a module", 2)
    end
    if loaded[name] then
      return loaded[name]
    elseif HELPERS[name] then
      loaded[name] = copy(HELPERS[name])
      return loaded[name]
    elseif not name:find "^bq%.strategy%.[%w_]+$" then
      refuse(('require "%s"'):format(name), "strategies are, and bq.fail, bq.json and bq.tables; a step has `b`", 2)
    end
    named = named or tokens.requires(text)
    if not tables.contains(named, name) then
      error(('`%s` is required by a name that is put together; write `require "%s"`'):format(name, name), 2)
    end
    loaded[name] = guarded(box, require(name), name:match "[^.]+$")
    return loaded[name]
  end
end

--- Functions of Lua that all recipes share: nobody can change a function.
local SHARED <const> = {}
for _, name in ipairs(BASIC) do
  SHARED[name] = _G[name]
end

--- What each recipe has of its own, by name: made when the recipe first asks for it, since most ask for nothing.
local OWN <const> = {} ---@type table<string, fun(env: table, name: string): any>
for _, name in ipairs(LIBRARIES) do
  OWN[name] = function()
    return copy(_G[name])
  end
end
for _, name in ipairs { "os", "io", "debug", "package" } do
  OWN[name] = function()
    return setmetatable({}, {
      __index = function(_, field)
        refuse(("%s.%s"):format(name, tostring(field)), ABSENT[name], 2)
      end,
      __metatable = false,
    })
  end
end

--- `setmetatable` and `getmetatable`. Metatables of others, of all texts first of all, are shared with the program.
local function metatables(env, name)
  local own = setmetatable({}, { __mode = "k" })
  rawset(env, "setmetatable", function(value, meta)
    if meta ~= nil then
      own[meta] = true
    end
    return setmetatable(value, meta)
  end)
  rawset(env, "getmetatable", function(value)
    local meta = type(value) == "table" and getmetatable(value) or nil
    return own[meta or value] and meta or nil
  end)
  return rawget(env, name)
end
OWN.setmetatable, OWN.getmetatable = metatables, metatables

local GLOBALS <const> = {
  __index = function(env, name)
    if SHARED[name] then
      return SHARED[name]
    elseif OWN[name] then
      local made = OWN[name](env, name)
      rawset(env, name, made)
      return made
    elseif ABSENT[name] then
      refuse(name, ABSENT[name], 2)
    end
    error(("the global `%s` was never set"):format(tostring(name)), 2)
  end,
  __newindex = function(_, name)
    error(("`%s` is set as a global; write `local %s`"):format(tostring(name), tostring(name)), 2)
  end,
  __metatable = false,
}

--- The globals of a recipe.
local function environment(box, text)
  return setmetatable({ require = requirer(box, text) }, GLOBALS)
end

--- Loads the text of a recipe.
---@param text string
---@param name string of the chunk
---@return function? chunk
---@return bq.RecipeBox|string box or what is wrong with the text
function sandbox.load(text, name)
  local box = { in_step = false }
  local chunk, message = load(text, name, "t", environment(box, text))
  if not chunk then
    return nil, message
  end
  return chunk, box
end

return sandbox
