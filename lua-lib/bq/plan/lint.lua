-- What a recipe may say: every field by name and type, each mistake with its file and line.
local files = require "bq.files"
local nearest = require "bq.nearest"
local output = require "bq.plan.output"
local patches_from = require "bq.plan.patches_from"
local places = require "bq.plan.places"
local root_fields = require "bq.plan.root_fields"
local schema = require "bq.schema"
local spdx = require "bq.plan.spdx"
local template = require "bq.plan.template"

local lint = {}

--- What any recipe can say, and of what type it is. A strategy adds fields of its own.
lint.FIELDS = {
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
  patch_fuzz = "count",
  patches_from = "table",
  include = "strings",
  seed_at = "string",
  leave_out = "strings",
  in_base = "boolean",
  phases = "phases",
}
for _, fields in ipairs { output.FIELDS, root_fields.FIELDS } do
  for field, kind in pairs(fields) do
    lint.FIELDS[field] = kind
  end
end
--- Fields in which no text is replaced: they are names, or are read before anything that could be put into them is known.
local RAW <const> = {
  name = true,
  version = true,
  license = true,
  strategy = true,
  depends = true,
  uses = true,
  source = true,
  sources = true,
  patches_from = true,
  phases = true,
}
for field in pairs(root_fields.FIELDS) do
  RAW[field] = true
end
--- Fields that the plan itself fills; all others are filled when the step starts.
lint.PLANNED = { homepage = true, include = true, leave_out = true, seed_at = true }
--- What a strategy does, and a recipe can do instead.
lint.VERBS = { configure = true, build = true, check = true, install = true }

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
  count = function(value)
    return math.type(value) == "integer" and value >= 0
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
function CHECKS.choices(value)
  for name, list in pairs(type(value) == "table" and value or { value }) do
    if type(name) ~= "string" or not CHECKS.strings(list) then
      return false
    end
  end
  return true
end

local TYPES = {
  string = "a text that is not empty",
  boolean = "true or false",
  number = "a whole number",
  count = "a whole number that is not negative",
  strings = "a list of texts",
  texts = "a list of the names of files",
  choices = "a map of names to lists of the names of files",
  map = "a map of names to texts, numbers or true/false",
  table = "a table",
}

--- How deep data may be nested; a cycle ends here too.
local MAX_DEPTH = 20

--- What keeps a value from being plain data; `nil` if nothing does.
local function unplain(value, depth)
  local kind = type(value)
  if kind == "string" then
    return not utf8.len(value) and "a text that is not UTF-8"
      or value:find("\0", 1, true) and "a text with a zero byte"
      or nil
  elseif kind == "number" then
    return (value ~= value or value == math.huge or value == -math.huge) and "a number that is none" or nil
  elseif kind == "userdata" or kind == "thread" then
    return "a " .. kind
  elseif kind ~= "table" then
    -- Functions may be verbs, and where they may not, they are of a wrong type.
    return kind == "function" and depth > 3 and "a function" or nil
  elseif getmetatable(value) ~= nil then
    return "a table with a metatable"
  elseif depth > MAX_DEPTH then
    return "data that is nested too deep, or in a circle"
  end
  local count, numbered = 0, 0
  for key, item in next, value do
    count, numbered = count + 1, numbered + (type(key) == "number" and 1 or 0)
    local wrong = type(key) == "string" and unplain(key, depth)
      or type(key) ~= "string" and math.type(key) ~= "integer" and "a " .. type(key) .. " as the name of a field"
      or unplain(item, depth + 1)
    if wrong then
      return wrong
    end
  end
  return numbered > 0 and (numbered ~= #value or count ~= numbered) and "a list with holes, or that is a map as well"
    or nil
end

--- Whether a recipe is data that a plan can hold, and verbs; what is not is noted. Nothing else may look at it before.
---@param self bq.Recipes
---@param found bq.Recipe
---@param data table
---@return boolean
function lint.is_plain(self, found, data)
  local before = #self.problems
  if getmetatable(data) ~= nil then
    self:problem(found, "return", "a recipe is a table without a metatable")
    return false
  end
  for field, value in next, data do
    if type(field) ~= "string" or unplain(field, 1) then
      self:problem(
        found,
        "return",
        ("a recipe has fields by name, and no %s"):format(type(field) == "string" and unplain(field, 1) or type(field))
      )
    else
      local wrong = unplain(value, 1)
      if wrong then
        self:problem(found, field, ("`%s` holds %s"):format(field, wrong))
      end
    end
  end
  return #self.problems == before
end

--- The line on which a field is set, for messages; 1 if it cannot be told.
function lint.line_of(text, field)
  local number = 0
  for line in (text .. "\n"):gmatch "(.-)\n" do
    number = number + 1
    if line:find("%f[%w_]" .. field:gsub("%W", "%%%0") .. "%f[^%w_]%s*=") then
      return number
    end
  end
  return 1
end

--- The line of a text where another one first stands.
---@param text string
---@param part string
---@return integer?
function lint.line_with(text, part)
  local at = text:find(part, 1, true)
  return at and select(2, text:sub(1, at):gsub("\n", "")) + 1
end

local function check_field(self, found, field, value, kind)
  if type(value) == "function" and lint.VERBS[field] then
    return
  end
  if not (CHECKS[kind] or CHECKS.table)(value) then
    self:problem(found, field, ("`%s` is %s, expected %s"):format(field, type(value), TYPES[kind] or "a table"))
  end
end

--- Checks what a recipe says, for all its phases; what is wrong is noted in the collection.
---@param self bq.Recipes
---@param found bq.Recipe
function lint.recipe(self, found)
  local function check(data, is_phase)
    local strategy_name = data.strategy or found.data.strategy
    local strategy = places.is_name(strategy_name) and self:strategy(strategy_name)
    if strategy_name and not strategy then
      local known = {}
      for _, file in ipairs(files.list "$/lua-lib/bq/strategy") do
        known[#known + 1] = file:match "^(.+)%.lua$"
      end
      local near = nearest(tostring(strategy_name), known)
      self:problem(
        found,
        "strategy",
        ("no strategy `%s`"):format(tostring(strategy_name))
          .. (near and (", did you mean `%s`?"):format(near) or "; there are " .. table.concat(known, ", "))
      )
    end
    local own = strategy and strategy.module.fields or {}
    for field, value in pairs(data) do
      local kind = own[field] or lint.FIELDS[field] or (lint.VERBS[field] and type(value) == "function" and "verb")
      if not kind and strategy_name and not strategy then
        -- It may be a field of the strategy that was meant.
        goto continue
      elseif not kind then
        local known = {}
        for _, set in ipairs { lint.FIELDS, own, lint.VERBS } do
          for key in pairs(set) do
            known[key] = true
          end
        end
        local near = nearest(tostring(field), known)
        near = near ~= field and near or nil
        self:problem(
          found,
          tostring(field),
          lint.VERBS[field] and ("`%s` has to be a function with strategy `%s`"):format(field, tostring(strategy_name))
            or ("unknown field `%s`"):format(tostring(field))
              .. (near and (", did you mean `%s`?"):format(near) or "")
        )
      else
        check_field(self, found, field, value, kind)
        if not RAW[field] then
          self:check_names(
            found,
            field,
            value,
            (lint.PLANNED[field] or kind == "texts" or kind == "choices") and template.PLAN or template.FIELDS
          )
        end
      end
      ::continue::
    end
    local function problem(field, message)
      self:problem(found, field, message)
    end
    output.check(data, problem)
    root_fields.check(data, problem)
    patches_from.check(data, problem)
    local wrong = type(data.license) == "string" and data.license ~= "" and spdx.problem(data.license)
    if wrong then
      self:problem(found, "license", ("`license` is no expression of SPDX: %s"):format(wrong))
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
  if type(found.data.version) == "string" and schema.VERSION(found.data.version) then
    self:problem(found, "version", "`version` has letters that no version has, or too many")
  end
  places.check(self, found, found.data, found.data.version)
  for _, changes in pairs(type(found.data.phases) == "table" and found.data.phases or {}) do
    if type(changes) == "table" and (changes.version or changes.source or changes.sources) then
      places.check(self, found, {
        source = changes.source or found.data.source,
        sources = changes.sources or found.data.sources,
      }, changes.version or found.data.version)
    end
  end
end

return lint
