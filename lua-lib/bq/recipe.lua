-- Recipes: found by name in folders, loaded, checked field by field, and resolved for one phase.
local fail = require "bq.fail"
local files = require "bq.files"
local json = require "bq.json"
local digest = require "bq.digest"
local nearest = require "bq.nearest"
local tokens = require "bq.tokens"

local recipe = {}

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
  patches = "strings",
  phases = "phases",
}
local VERBS = { configure = true, build = true, check = true, install = true }

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

local TYPES = {
  string = "a text that is not empty",
  boolean = "true or false",
  number = "a whole number",
  strings = "a list of texts",
  map = "a map of names to texts, numbers or true/false",
  table = "a table",
}

---@class bq.Recipe
---@field name string
---@field path string of the file
---@field text string
---@field data table what the file returned

---@class bq.Recipes
---@field folders string[] the first that has a recipe wins
---@field loaded table<string, bq.Recipe>
---@field problems bq.Problem[]
local Recipes = {}
Recipes.__index = Recipes

---@class bq.Problem
---@field path string
---@field line integer
---@field message string

--- A collection of recipes.
---@param folders string[] the first that has a recipe wins; `$/scripts/packages` is the bundle's
---@return bq.Recipes
function recipe.collection(folders)
  return setmetatable({ folders = folders, loaded = {}, problems = {}, strategies = {} }, Recipes)
end

--- The line on which a field is set, for messages; 1 if it cannot be told.
local function line_of(text, field)
  local number = 0
  for line in (text .. "\n"):gmatch "(.-)\n" do
    number = number + 1
    if line:find("%f[%w_]" .. field .. "%f[^%w_]%s*=") then
      return number
    end
  end
  return 1
end

--- Notes a problem of a recipe; all are shown together.
---@param where bq.Recipe|{ path: string, text: string }
---@param field? string on whose line it is
---@param message string
function Recipes:problem(where, field, message)
  table.insert(self.problems, {
    path = where.path,
    line = field and line_of(where.text, field) or 1,
    message = message,
  })
end

--- Raises if any problem was found, and shows them all.
function Recipes:check()
  if #self.problems == 0 then
    return
  end
  table.sort(self.problems, function(a, b)
    if a.path ~= b.path then
      return a.path < b.path
    end
    return a.line < b.line or a.line == b.line and a.message < b.message
  end)
  local notes, seen = {}, {}
  for _, problem in ipairs(self.problems) do
    local note = ("  %s:%d: %s"):format(problem.path, problem.line, problem.message)
    if not seen[note] then
      seen[note] = true
      notes[#notes + 1] = note
    end
  end
  local what = #notes == 1 and "a mistake" or #notes .. " mistakes"
  fail.raise("the plan has " .. what, { notes = notes })
end

--- The names of all recipes, sorted.
---@return string[]
function Recipes:names()
  local names, seen = {}, {}
  for _, folder in ipairs(self.folders) do
    for _, file in ipairs(files.list(folder)) do
      local name = file:match "^(.+)%.lua$"
      if name and not seen[name] then
        seen[name] = true
        names[#names + 1] = name
      end
    end
  end
  table.sort(names)
  return names
end

--- A recipe by its name; `nil` if there is none, or if it cannot be read (then a problem was noted).
---@param name string
---@return bq.Recipe?
function Recipes:get(name)
  if self.loaded[name] ~= nil then
    return self.loaded[name] or nil
  end
  for _, folder in ipairs(self.folders) do
    local path = ("%s/%s.lua"):format(folder, name)
    local text = files.read(path)
    if text then
      local found = self:load(name, path, text, folder)
      self.loaded[name] = found or false
      return found
    end
  end
end

function Recipes:load(name, path, text, folder)
  local found = { name = name, path = path, text = text, folder = folder }
  local env = setmetatable({}, {
    __index = _G,
    __newindex = function(_, key)
      error(("`%s` is set as a global; write `local %s`"):format(key, key), 2)
    end,
  })
  -- Lua's messages begin with a file, which it may shorten, and a line.
  local function raised(message)
    local line, rest = message:match "^.-:(%d+): (.*)$"
    table.insert(self.problems, { path = path, line = tonumber(line) or 1, message = rest or message })
  end
  local chunk, message = load(text, "@" .. path, "t", env)
  if not chunk then
    raised(message)
    return nil
  end
  local ok, data = pcall(chunk)
  if not ok then
    raised(tostring(data))
    return nil
  elseif type(data) ~= "table" then
    self:problem(found, nil, "a recipe returns a table")
    return nil
  end
  found.data = data
  if data.name ~= name then
    self:problem(found, "name", ("`name` is `%s`, but the file is `%s.lua`"):format(tostring(data.name), name))
  end
  return found
end

--- A strategy's module, with the digest of all its code.
---@param name string
---@return table?
function Recipes:strategy(name)
  if self.strategies[name] == nil then
    local text = files.module("bq.strategy." .. name)
    local module = text and require("bq.strategy." .. name)
    self.strategies[name] = module and { module = module, code = recipe.code("bq.strategy." .. name) } or false
  end
  return self.strategies[name] or nil
end

--- The modules that a chunk of code needs, itself included, each with the digest of what it says.
---@param name string of a module of the library
---@return table<string, string>
function recipe.code(name)
  local out = {}
  local function add(module)
    -- The native modules and what every step rests on are not in a strategy's hands.
    if out[module] or not module:find "^bq%.strategy%." then
      return
    end
    local text = files.module(module)
    if text then
      out[module] = tokens.digest(text)
      for _, needed in ipairs(tokens.requires(text)) do
        add(needed)
      end
    end
  end
  add(name)
  return out
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

--- Checks what a recipe says, for all its phases.
---@param found bq.Recipe
---@param allow_unpinned? boolean
function Recipes:lint(found, allow_unpinned)
  if found.linted then
    return
  end
  found.linted = true
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
        self:problem(found, tostring(field), ("unknown field `%s`"):format(tostring(field)) .. (near and (", did you mean `%s`?"):format(near) or ""))
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
  if allow_unpinned then
    return
  end
  for name, alternatives in pairs(recipe.sources(found.data)) do
    if type(alternatives) == "table" then
      check_source(self, found, name == "main" and "source" or "sources", alternatives)
    else
      self:problem(found, "sources", ("`sources` has `%s`, which is %s, expected a list of places"):format(name, type(alternatives)))
    end
  end
end

--- The sources of a recipe: `main` and the others, each a list of alternatives.
---@param data table
---@return table<string, table[]>
function recipe.sources(data)
  local out = {}
  if type(data.source) == "table" then
    out.main = data.source
  end
  for name, alternatives in pairs(type(data.sources) == "table" and data.sources or {}) do
    out[tostring(name)] = alternatives
  end
  return out
end

--- What a recipe says for one phase: its fields with the phase's changes over them, verbs apart.
---@param found bq.Recipe
---@param phase string
---@return table fields
---@return string[] verbs that are functions of the recipe
function Recipes:resolve(found, phase)
  local fields, verbs = {}, {}
  local changes = found.data.phases and found.data.phases[phase] or {}
  for _, layer in ipairs { found.data, changes } do
    for field, value in pairs(layer) do
      fields[field] = value
    end
  end
  fields.phases = nil
  for verb in pairs(VERBS) do
    if type(fields[verb]) == "function" then
      fields[verb] = nil
      verbs[#verbs + 1] = verb
    end
  end
  table.sort(verbs)
  return fields, verbs
end

--- The patches of a recipe: the files of `patches/<name>-<version>/`, in order.
---@param found bq.Recipe
---@return { name: string, text: string, sha256: string }[]
function Recipes:patches(found)
  local out = {}
  local folder = ("%s/patches/%s-%s"):format(found.folder, found.name, found.data.version)
  for _, name in ipairs(files.list(folder)) do
    if name:find "%.patch$" then
      local text = files.read(folder .. "/" .. name)
      out[#out + 1] = { name = name, text = text, sha256 = digest.sha256(text) }
    end
  end
  return json.array(out)
end

--- What a recipe and its patches say, in one digest; `nil` if there is no such recipe.
---@param name string
---@param version string
---@return string?
function Recipes:fingerprint(name, version)
  for _, folder in ipairs(self.folders) do
    local text = files.read(("%s/%s.lua"):format(folder, name))
    if text then
      local parts = { text }
      for _, patch in ipairs(self:patches { name = name, folder = folder, data = { version = version } }) do
        parts[#parts + 1] = patch.name .. "=" .. patch.sha256
      end
      return digest.sha256(table.concat(parts, "\n"))
    end
  end
end

return recipe
