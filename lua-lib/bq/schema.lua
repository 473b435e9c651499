-- What a file of data may hold. Files of a workspace may be somebody else's, cut off, or of another version: all of them are
-- read here, bounded, and are checked before anything else looks at them.
--
--   local schema = require "bq.schema"
--   local FORMAT = { what = "the lock", limit = 1 << 20, hint = "…", kind = schema.record { sources = schema.map(schema.text()) } }
--   local lock = schema.read(path, FORMAT)   -- nil if there is none
local fail = require "bq.fail"
local fs = require "bq.fs"
local json = require "bq.json"
local tables = require "bq.tables"

local schema = {}

--- Says what is wrong with a value, and where in it; `nil` if nothing is.
---@alias bq.schema.Kind fun(value: any): (wrong: string?, at: string?)

---@class bq.schema.Format a file of data
---@field what string what it is called in messages: `the plan`
---@field kind bq.schema.Kind
---@field limit integer the most bytes that it has
---@field hint? string what to do if it is not right; `%s` in it stands for the option that names the workspace
---@field nofollow? boolean a link is no such file

local function name_of(value)
  if value == json.null then
    return "null"
  elseif type(value) == "table" then
    return getmetatable(value) == false and "a list" or "a map"
  end
  return ({ string = "a text", number = "a number", boolean = "true or false" })[type(value)] or "nothing"
end

local function expected(value, what)
  return ("is %s, expected %s"):format(name_of(value), what)
end

--- A text; with `pattern`, one that matches it as a whole.
---@param rules? { max?: integer, pattern?: string, what?: string }
---@return bq.schema.Kind
function schema.text(rules)
  rules = rules or {}
  local what, max = rules.what or "a text", rules.max or math.huge
  local pattern = rules.pattern and "^" .. rules.pattern .. "$"
  return function(value)
    if type(value) ~= "string" then
      return expected(value, what)
    elseif #value > max then
      return ("has %d bytes, at most %d are allowed"):format(#value, max)
    elseif pattern and not value:find(pattern) then
      return "is not " .. what
    end
  end
end

--- A whole number.
---@param min? integer 0 if absent
---@param max? integer
---@return bq.schema.Kind
function schema.whole(min, max)
  min = min or 0
  max = max or math.maxinteger
  return function(value)
    if math.type(value) ~= "integer" then
      return expected(value, "a whole number")
    elseif value < min or value > max then
      return ("is %d, expected a number from %d to %d"):format(value, min, max)
    end
  end
end

---@return bq.schema.Kind
function schema.number()
  return function(value)
    return type(value) ~= "number" and expected(value, "a number") or nil
  end
end

---@return bq.schema.Kind
function schema.flag()
  return function(value)
    return type(value) ~= "boolean" and expected(value, "true or false") or nil
  end
end

--- A map whose content is nobody's concern.
---@return bq.schema.Kind
function schema.any_map()
  return function(value)
    if type(value) ~= "table" or getmetatable(value) == false and #value > 0 then
      return expected(value, "a map")
    end
  end
end

---@param kind bq.schema.Kind of each
---@return bq.schema.Kind
function schema.list(kind)
  return function(value)
    -- Lua does not tell an empty list from an empty map, and so neither do the files that it wrote.
    if type(value) ~= "table" or getmetatable(value) ~= false and next(value) ~= nil then
      return expected(value, "a list")
    end
    for index, item in ipairs(value) do
      local wrong, at = kind(item)
      if wrong then
        return wrong, ("[%d]%s"):format(index, at or "")
      end
    end
  end
end

--- A map of names to values of one kind.
---@param kind bq.schema.Kind
---@param name? bq.schema.Kind of the names
---@return bq.schema.Kind
function schema.map(kind, name)
  local is_map = schema.any_map()
  local function problem(key, item)
    local wrong, at = kind(item)
    if wrong then
      return wrong, ("[%q]%s"):format(key, at or "")
    end
    wrong = name and name(key)
    if wrong then
      return ("has the name `%s`, which %s"):format(key, wrong)
    end
  end
  return function(value)
    local wrong, at = is_map(value)
    if wrong then
      return wrong, at
    end
    for key, item in next, value do
      if problem(key, item) then
        -- The order of a table is any: of all that is wrong, the first by name is said.
        for first, one in tables.sorted(value) do
          wrong, at = problem(first, one)
          if wrong then
            return wrong, at
          end
        end
      end
    end
  end
end

--- A map with certain fields; one whose name ends in `?` may be absent. Other fields are not looked at.
---@param fields table<string, bq.schema.Kind>
---@return bq.schema.Kind
function schema.record(fields)
  local is_map, checks = schema.any_map(), {}
  for index, field in ipairs(tables.names(fields)) do
    local name = field:gsub("%?$", "")
    checks[index] = { name = name, needed = name == field, kind = fields[field] }
  end
  return function(value)
    local wrong, at = is_map(value)
    if wrong then
      return wrong, at
    end
    for _, check in ipairs(checks) do
      local name = check.name
      local item = value[name]
      if item == nil and check.needed then
        return "is missing", "." .. name
      elseif item ~= nil then
        wrong, at = check.kind(item)
        if wrong then
          return wrong, "." .. name .. (at or "")
        end
      end
    end
  end
end

--- A kind with a further rule, which sees values of the right type only.
---@param kind bq.schema.Kind
---@param rule bq.schema.Kind
---@return bq.schema.Kind
function schema.where(kind, rule)
  return function(value)
    local wrong, at = kind(value)
    if wrong then
      return wrong, at
    end
    return rule(value)
  end
end

--- Texts that many files have.
schema.SHA256 = schema.text { max = 64, pattern = ("%x"):rep(64), what = "64 hexadecimal digits" }
schema.NAME = schema.text { max = 100, pattern = "[%w_][%w+._-]*", what = "a name" }
--- A version: it is part of the names of folders.
schema.VERSION = schema.text { max = 100, pattern = "%w[%w+._~-]*", what = "a version" }
schema.STEP = schema.text { max = 201, pattern = "[%w_][%w+._-]*/[%w_][%w+._-]*", what = "the id of a step" }
--- A file of a package archive.
schema.POOL = schema.where(
  schema.text { max = 500, pattern = "pool/[%w+._~:%%/-]+", what = "a file in an archive's pool" },
  function(value)
    return ("/" .. value .. "/"):find "/%.%.?/" and "is not a file in an archive's pool" or nil
  end
)
--- A path in a tree, without a leading `/`.
schema.PATH = schema.where(schema.text { max = 4095, pattern = "[^/].*", what = "a path in a tree" }, function(value)
  return ("/" .. value .. "/"):find "/%.%.?/" and "is not a path in a tree" or nil
end)
--- An id of a user or a group.
schema.ID = schema.whole(0, (1 << 32) - 2)
--- Permission bits, with set-id and sticky bits.
schema.MODE = schema.whole(0, tonumber("7777", 8))
--- The value of `security.capability`.
schema.CAPABILITIES = schema.text { max = 200, pattern = "%x+", what = "hexadecimal digits" }
schema.KEY = schema.text { max = 64, pattern = "%x+", what = "a key" }
--- The name of a file in a folder that is known, so no path.
schema.FILE = schema.where(schema.text { max = 255, pattern = "[^/%c]+", what = "the name of a file" }, function(value)
  return (value == "." or value == "..") and "is not the name of a file" or nil
end)

--- What is wrong with a value, in words; `nil` if nothing is.
---@param value any
---@param kind bq.schema.Kind
---@return string?
function schema.problem(value, kind)
  local wrong, at = kind(value)
  return wrong and ("`%s` %s"):format((at or ""):gsub("^%.", ""), wrong):gsub("^`` ", "it ") or nil
end

--- Raises what is wrong with a file.
local function refuse(format, name, cause, option)
  local hint = format.hint and format.hint:format(option or "")
  fail.wrap(("cannot read %s `%s`"):format(format.what, name), { hint = hint }, error, cause, 0)
end

--- Reads a file of data. Raises, with file and field, if it is not what it should be, or is no plain file.
---@param path string
---@param format bq.schema.Format
---@param option? string of the workspace, for the hint
---@return any? value `nil` if there is no file
function schema.read(path, format, option)
  local ok, text = pcall(fs.read, path, { limit = format.limit, nofollow = format.nofollow })
  if ok then
    return schema.parse(text, path, format, option)
  elseif text.code ~= "ENOENT" and text.code ~= "ENOTDIR" then
    refuse(format, path, text, option)
  end
end

--- The same for a file of a disk or of the binary, whose text was read elsewhere.
---@param text string
---@param name string of the file, for messages
---@param format bq.schema.Format
---@param option? string of the workspace, for the hint
---@return any value
function schema.parse(text, name, format, option)
  if #text > format.limit then
    refuse(format, name, fail.new(("it has more than %d bytes"):format(format.limit)), option)
  end
  local ok, value = pcall(json.decode, text)
  local problem = ok and schema.problem(value, format.kind)
  if not ok or problem then
    refuse(format, name, problem and fail.new(problem) or value, option)
  end
  return value
end

return schema
