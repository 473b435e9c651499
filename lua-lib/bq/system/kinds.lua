-- What a field of a system may be. Unlike `bq.schema`, which reads files of programs, this finds all mistakes of a page that a
-- person wrote, and names the nearest field.
--
--   local kinds = require "bq.system.kinds"
--   local USER = kinds.record { uid = kinds.whole(0, 1000), ["shell?"] = kinds.path }
--   USER(value, say, "users.ann")   -- calls say("users.ann.uid", "is missing")
local nearest = require "bq.nearest"
local tables = require "bq.tables"

local kinds = {}

--- Told of each mistake: where it is, such as `users.ann.uid`, and what is wrong.
---@alias bq.system.Say fun(at: string, message: string)
---@alias bq.system.Kind fun(value: any, say: bq.system.Say, at: string)

local function name_of(value)
  if type(value) == "table" then
    return #value > 0 and "a list" or next(value) == nil and "an empty table" or "a table"
  end
  return ({ string = "a text", number = "a number", boolean = tostring(value) })[type(value)] or "a " .. type(value)
end

local function expected(say, at, value, what)
  say(at, ("is %s, expected %s"):format(name_of(value), what))
end

--- A text that matches a pattern as a whole.
---@param pattern string
---@param what string `a host name`
---@param max? integer bytes
---@return bq.system.Kind
function kinds.text(pattern, what, max)
  return function(value, say, at)
    if type(value) ~= "string" then
      expected(say, at, value, what)
    elseif #value > (max or 4096) or not value:find("^" .. pattern .. "$") then
      say(at, ("is `%s`, which is not %s"):format(#value > 60 and value:sub(1, 57) .. "…" or value, what))
    end
  end
end

---@param min integer
---@param max integer
---@return bq.system.Kind
function kinds.whole(min, max)
  return function(value, say, at)
    if math.type(value) ~= "integer" then
      expected(say, at, value, "a whole number")
    elseif value < min or value > max then
      say(at, ("is %d, expected a number from %d to %d"):format(value, min, max))
    end
  end
end

---@param value any
---@param say bq.system.Say
---@param at string
function kinds.flag(value, say, at)
  if type(value) ~= "boolean" then
    expected(say, at, value, "true or false")
  end
end

--- One of some values.
---@param values any[]
---@return bq.system.Kind
function kinds.one_of(values)
  return function(value, say, at)
    if not tables.contains(values, value) then
      local shown = {}
      for index, one in ipairs(values) do
        shown[index] = type(one) == "string" and ('"%s"'):format(one) or tostring(one)
      end
      local near = type(value) == "string" and nearest(value, values)
      local given = type(value) == "string" and ("`%s`"):format(value) or name_of(value)
      local advice = near and (", did you mean `%s`?"):format(near) or ""
      say(at, ("is %s, expected %s%s"):format(given, table.concat(shown, " or "), advice))
    end
  end
end

---@param kind bq.system.Kind of each
---@param what? string `a list of names`
---@return bq.system.Kind
function kinds.list(kind, what)
  return function(value, say, at)
    if type(value) ~= "table" or #value == 0 and next(value) ~= nil then
      return expected(say, at, value, what or "a list")
    end
    for index, item in ipairs(value) do
      kind(item, say, ("%s[%d]"):format(at, index))
    end
  end
end

--- A table of names to values of one kind.
---@param name bq.system.Kind of the names
---@param kind bq.system.Kind
---@return bq.system.Kind
function kinds.map(name, kind)
  return function(value, say, at)
    if type(value) ~= "table" or #value > 0 then
      return expected(say, at, value, "a table of names")
    end
    for key, item in tables.sorted(value) do
      name(key, function(_, message)
        say(at, ("has a name that %s"):format(message))
      end, at)
      kind(item, say, at .. "." .. key)
    end
  end
end

--- A table with certain fields; one whose name ends in `?` may be absent.
---@param fields table<string, bq.system.Kind>
---@return bq.system.Kind
function kinds.record(fields)
  local known, order = {}, tables.names(fields)
  for _, field in ipairs(order) do
    known[field:gsub("%?$", "")] = true
  end
  return function(value, say, at)
    if type(value) ~= "table" or #value > 0 then
      return expected(say, at, value, "a table")
    end
    local below = at == "" and "" or at .. "."
    for key in tables.sorted(value) do
      if not known[key] then
        local near = nearest(key, known)
        say(below .. key, "is no field" .. (near and (", did you mean `%s`?"):format(near) or ""))
      end
    end
    for _, field in ipairs(order) do
      local name = field:gsub("%?$", "")
      if value[name] ~= nil then
        fields[field](value[name], say, below .. name)
      elseif name == field then
        say(below .. name, "is missing")
      end
    end
  end
end

--- Either of two kinds: the first for values that a function takes.
---@param is_first fun(value: any): boolean
---@param first bq.system.Kind
---@param second bq.system.Kind
---@return bq.system.Kind
function kinds.either(is_first, first, second)
  return function(value, say, at)
    return (is_first(value) and first or second)(value, say, at)
  end
end

--- The name of a package, a user or a service.
kinds.NAME = kinds.text("[%l%d_][%w+._-]*", "a name", 64)
--- An absolute path.
---@param value any
---@param say bq.system.Say
---@param at string
function kinds.path(value, say, at)
  if type(value) ~= "string" then
    expected(say, at, value, "an absolute path")
  elseif not value:find "^/[^%c:]*$" or value:find "//" or (value .. "/"):find "/%.%.?/" or #value > 1024 then
    say(at, ("is `%s`, which is not an absolute path"):format(value))
  end
end
--- A line: a text without control characters.
kinds.LINE = kinds.text("[^%c]*", "a text of one line", 1024)

return kinds
