-- What a recipe may say: every field by name and type, each mistake with its file and line.
local files = require "bq.files"
local nearest = require "bq.nearest"

local lint = {}

--- What any recipe can say, and of what type it is. A strategy adds fields of its own.
local FIELDS = {
  name = "string",
  version = "string",
  license = "string",
  homepage = "string",
  source = "source",
  sources = "sources",
  strategy = "string",
  depends = "strings",
  uses = "strings",
  env = "map",
  strip = "boolean",
  include = "strings",
  seed_at = "string",
  leave_out = "strings",
  phases = "phases",
}
--- What a strategy does, and a recipe can do instead.
local VERBS <const> = { configure = true, build = true, check = true, install = true }

local CHECKS = {
  string = function(value)
    return type(value) == "string" and value ~= ""
  end,
  boolean = function(value)
    return type(value) == "boolean"
  end,
  number = function(value)
    return math.type(value) == "integer"
  end,
  strings = function(value)
    if type(value) ~= "table" then
      return false
    end
    for key, item in pairs(value) do
      if math.type(key) ~= "integer" or type(item) ~= "string" then
        return false
      end
    end
    return true
  end,
  map = function(value)
    if type(value) ~= "table" then
      return false
    end
    for key, item in pairs(value) do
      if type(key) ~= "string" or type(item) == "table" or type(item) == "function" then
        return false
      end
    end
    return true
  end,
  table = function(value)
    return type(value) == "table"
  end,
}
CHECKS.source, CHECKS.sources, CHECKS.phases = CHECKS.table, CHECKS.table, CHECKS.table
CHECKS.texts = CHECKS.strings

local TYPES = {
  string = "a text that is not empty",
  boolean = "true or false",
  number = "a whole number",
  strings = "a list of texts",
  texts = "a list of the names of files",
  map = "a map of names to texts, numbers or true/false",
  table = "a table",
}

--- The line on which a field is set, for messages; 1 if it cannot be told.
function lint.line_of(text, field)
  local number = 0
  for line in (text .. "\n"):gmatch "(.-)\n" do
    number = number + 1
    if line:find("%f[%w_]" .. field .. "%f[^%w_]%s*=") then
      return number
    end
  end
  return 1
end

local function check_field(self, found, field, value, kind)
  if type(value) == "function" and VERBS[field] then
    return
  end
  if not (CHECKS[kind] or CHECKS.table)(value) then
    self:problem(found, field, ("`%s` is %s, expected %s"):format(field, type(value), TYPES[kind] or "a table"))
  end
end

local function check_source(self, found, field, alternatives)
  if #alternatives == 0 then
    self:problem(found, field, ("`%s` lists no place to get it from"):format(field))
    return
  end
  local pinned = false
  for _, one in ipairs(alternatives) do
    if type(one) ~= "table" then
      self:problem(found, field, ("`%s` is a list of tables, each with `url` or `debian`"):format(field))
      return
    end
    for key in pairs(one) do
      if not ({ url = 1, debian = 1, package = 1, sha256 = 1, size = 1, strip = 1 })[key] then
        self:problem(found, key, ("a source has no field `%s`"):format(key))
      end
    end
    if not one.url == not one.debian then
      self:problem(found, field, "a source has either `url` or `debian`")
    end
    if one.sha256 ~= nil then
      pinned = true
      if type(one.sha256) ~= "string" or not one.sha256:find "^%x+$" or #one.sha256 ~= 64 then
        self:problem(found, "sha256", "`sha256` is not 64 hexadecimal digits")
      end
    end
  end
  if not pinned then
    self:problem(
      found,
      field,
      ("no source of `%s` has a `sha256`; fetch one and look at it: `bq scripts/hash_sources.lua %s`"):format(found.name, found.name)
    )
  end
end

--- Checks what a recipe says, for all its phases; what is wrong is noted in the collection.
---@param self bq.Recipes
---@param found bq.Recipe
---@param sources table<string, table[]>
function lint.recipe(self, found, sources)
  local function check(data, is_phase)
    local strategy_name = data.strategy or found.data.strategy
    local strategy = type(strategy_name) == "string" and self:strategy(strategy_name)
    if strategy_name and not strategy then
      local known = {}
      for _, file in ipairs(files.list "$/lua-lib/bq/strategy") do
        known[#known + 1] = file:match "^(.+)%.lua$"
      end
      local near = nearest(tostring(strategy_name), known)
      self:problem(found, "strategy", ("no strategy `%s`"):format(tostring(strategy_name)) .. (near and (", did you mean `%s`?"):format(near) or ""))
    end
    local own = strategy and strategy.module.fields or {}
    for field, value in pairs(data) do
      local kind = own[field] or FIELDS[field] or (VERBS[field] and type(value) == "function" and "verb")
      if not kind then
        local known = {}
        for _, set in ipairs { FIELDS, own, VERBS } do
          for key in pairs(set) do
            known[key] = true
          end
        end
        local near = nearest(tostring(field), known)
        near = near ~= field and near or nil
        self:problem(found, tostring(field), VERBS[field] and ("`%s` has to be a function with strategy `%s`"):format(field, tostring(strategy_name)) or ("unknown field `%s`"):format(tostring(field)) .. (near and (", did you mean `%s`?"):format(near) or ""))
      else
        check_field(self, found, field, value, kind)
      end
    end
    if is_phase then
      return
    end
    for _, field in ipairs { "name", "version", "license", "strategy" } do
      if data[field] == nil then
        self:problem(found, "return", ("`%s` is missing"):format(field))
      end
    end
  end
  check(found.data, false)
  for phase, changes in pairs(type(found.data.phases) == "table" and found.data.phases or {}) do
    if type(changes) == "table" then
      check(changes, true)
    else
      self:problem(found, "phases", ("`phases` has `%s`, which is %s, expected a table"):format(phase, type(changes)))
    end
  end
  for name, alternatives in pairs(sources) do
    if type(alternatives) == "table" then
      check_source(self, found, name == "main" and "source" or "sources", alternatives)
    else
      self:problem(found, "sources", ("`sources` has `%s`, which is %s, expected a list of places"):format(name, type(alternatives)))
    end
  end
end

lint.VERBS = VERBS

return lint
