-- Recipes: found by name in folders, loaded, and resolved for one phase.
local beside = require "bq.plan.beside"
local digest = require "bq.digest"
local fail = require "bq.fail"
local files = require "bq.files"
local json = require "bq.json"
local lint = require "bq.plan.lint"
local places = require "bq.plan.places"
local sandbox = require "bq.plan.sandbox"
local template = require "bq.plan.template"
local tokens = require "bq.plan.tokens"

local recipe = {}

---@class bq.Recipe
---@field name string
---@field folder string where it was found
---@field path string of the file
---@field text string
---@field data table what the file returned
---@field linted? boolean

---@class bq.Recipes
---@field folders string[] the first that has a recipe wins
---@field modules? string[] folders of the library
---@field loaded table<string, bq.Recipe|false> `false`: it cannot be read
---@field strategies table<string, table> by name
---@field problems bq.Problem[]
local Recipes = {}
Recipes.__index = Recipes

---@class bq.Problem
---@field path string
---@field line integer
---@field message string

--- A collection of recipes.
---@param folders string[] the first that has a recipe wins; `$/scripts/packages` is the bundle's
---@param modules? string[] folders of the library; those of this run if absent
---@return bq.Recipes
function recipe.collection(folders, modules)
  return setmetatable({ folders = folders, modules = modules, loaded = {}, problems = {}, strategies = {} }, Recipes)
end

--- Notes a problem of a recipe; all are shown together.
---@param where bq.Recipe|{ path: string, text: string }
---@param field? string|integer on whose line it is, or the line
---@param message string
function Recipes:problem(where, field, message)
  table.insert(self.problems, {
    path = where.path,
    line = type(field) == "number" and field or field and lint.line_of(where.text, field) or 1,
    message = message,
  })
end

--- Notes a name in braces that stands for nothing.
---@param found bq.Recipe
---@param field string
---@param value any
---@param known table<string, any>
function Recipes:check_names(found, field, value, known)
  local name = template.unknown(value, known)
  if name then
    local line = lint.line_with(found.text, "{" .. name .. "}") or field
    self:problem(found, line, ("`%s`: `{%s}` stands for nothing; %s"):format(field, name, template.advice(name, known)))
  end
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
  elseif not places.is_name(name) then
    return nil
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
  text = files.chunk(text)
  local found = { name = name, path = path, text = text, folder = folder }
  -- Lua's messages begin with a file, which it may shorten, and a line.
  local function raised(message)
    local line, rest = message:match "^.-:(%d+): (.*)$"
    table.insert(self.problems, { path = path, line = tonumber(line) or 1, message = rest or message })
  end
  local chunk, message = sandbox.load(text, "@" .. path)
  if not chunk then
    raised(message)
    return nil
  end
  local ok, data = pcall(chunk)
  if not ok then
    raised(type(data) == "string" and data or ("it raised a %s"):format(type(data)))
    return nil
  elseif type(data) ~= "table" then
    self:problem(found, nil, "a recipe returns a table")
    return nil
  elseif not lint.is_plain(self, found, data) then
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
    local text = files.module("bq.strategy." .. name, self.modules)
    local module = text and require("bq.strategy." .. name)
    self.strategies[name] = module and { module = module, code = recipe.code("bq.strategy." .. name, self.modules) }
      or false
  end
  return self.strategies[name] or nil
end

--- The modules that a chunk of code needs, itself included, each with the digest of what it says.
---@param name string of a module of the library
---@param modules? string[] folders of the library; those of this run if absent
---@return table<string, string>
function recipe.code(name, modules)
  local out = {}
  local function add(module)
    -- The native modules and what every step depends on are not in a strategy's hands.
    if out[module] or not module:find "^bq%.strategy%." then
      return
    end
    local text = files.module(module, modules)
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

--- Checks what a recipe says, for all its phases; what is wrong is noted.
---@param found bq.Recipe
function Recipes:lint(found)
  if not found.linted then
    found.linted = true
    lint.recipe(self, found)
  end
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
  for verb in pairs(lint.VERBS) do
    if type(fields[verb]) == "function" then
      fields[verb] = nil
      verbs[#verbs + 1] = verb
    end
  end
  table.sort(verbs)
  return fields, verbs
end

--- Puts the texts of files where a recipe names them: they lie in a folder of the recipe's name, beside it.
---@param found bq.Recipe
---@param fields table of a step, changed
---@param kinds? table<string, string> of the strategy's fields: those of the kinds `texts` and `choices`
---@param values table<string, string> by the names that stand for them
---@return string[] names of the fields
function Recipes:add_texts(found, fields, kinds, values)
  local names = json.array {}
  local function read(field, list)
    local texts = json.array {}
    for index, name in ipairs(template.fill(list, values)) do
      local text, problem = beside.read(found, name)
      if not text then
        self:problem(found, field, ("`%s`: %s"):format(field, problem))
      end
      texts[index] = { name = name, text = text }
    end
    return texts
  end
  for field, kind in pairs(kinds or {}) do
    local choices = {}
    for choice, list in pairs(kind == "choices" and fields[field] or {}) do
      choices[choice] = read(field, list)
    end
    if next(choices) then
      fields[field] = choices
    end
    local texts = read(field, kind == "texts" and fields[field] or {})
    if #texts > 0 then
      fields[field] = texts
    end
    names[#names + 1] = kind == "texts" and field or nil
  end
  table.sort(names)
  return names
end

return recipe
