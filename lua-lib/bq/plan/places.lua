-- The places that a recipe names for its sources, what each may say, and which version its digest belongs to.
local patches_from = require "bq.plan.patches_from"

local fetch = require "bq.fetch"
local template = require "bq.plan.template"

local places = {}

--- How long a text may be that becomes part of a file's name.
places.MAX_NAME = 100

--- Whether a text can be the name of a package, of a source or of a recipe's file.
---@param name any
---@return boolean
function places.is_name(name)
  return type(name) == "string" and #name <= places.MAX_NAME and name:find "^[%w_][%w+._-]*$" ~= nil
end

--- The sources of a recipe: `main`, the others, and those that hold patches, each a list of alternatives.
---@param data table
---@return table<string, table[]>
function places.of(data)
  local out = {}
  if type(data.source) == "table" then
    out.main = data.source
  end
  for name, alternatives in pairs(type(data.sources) == "table" and data.sources or {}) do
    out[tostring(name)] = alternatives
  end
  for name, alternatives in pairs(patches_from.places(data)) do
    out[name] = alternatives
  end
  return out
end

--- Whether a text names a file: the last part of it does not lead elsewhere, and a file system takes it.
local function names_file(text)
  local name = type(text) == "string" and text:match "([^/]+)/*$"
  return name and name ~= "." and name ~= ".." and #name <= 2 * places.MAX_NAME and not text:find "%c" or false
end

local function is_count(value)
  return math.type(value) == "integer" and value >= 0
end

local function is_list_of_names(value)
  for index, name in pairs(type(value) == "table" and value or { false }) do
    if math.type(index) ~= "integer" or type(name) ~= "string" or name == "" or name:find "^/" or name:find "%z" then
      return false
    end
  end
  return #value > 0
end

--- What the fields of a place are.
local FIELDS = {
  url = { is = names_file, expected = "an address that ends in a file's name" },
  debian = {
    is = function(value)
      return names_file(value) and not value:find "/"
    end,
    expected = "the name of a file",
  },
  package = { is = places.is_name, expected = "the name of a package" },
  sha256 = {
    is = function(value)
      return type(value) == "string" and value:find "^%x+$" and #value == 64
    end,
    message = "`sha256` is not 64 hexadecimal digits",
  },
  pinned = {
    is = function(value)
      return type(value) == "string" or value == false
    end,
    expected = "the version that the digest is of, or `false` for a file that is the same for all versions",
  },
  size = { is = is_count, expected = "a number of bytes" },
  strip = { is = is_count, expected = "a number of folders" },
  exclude = { is = is_list_of_names, expected = "a list of paths in the source, which may have `*`" },
  unpack = {
    is = function(value)
      return type(value) == "boolean"
    end,
    expected = "`false` for a file that is no archive",
  },
}

--- Whether a text names a version as a whole: `a-1.3.1.tar.gz` has 1.3.1, and neither 1.3 nor 3.1.
local function holds(text, version)
  local at = 1
  while true do
    local first, last = text:find(version, at, true)
    if not first then
      return false
    end
    local before, after = text:sub(1, first - 1), text:sub(last + 1)
    if not before:find "%d%.?$" and not after:find "^%.?%d" then
      return true
    end
    at = first + 1
  end
end

--- Why a place's digest cannot be used for a version, and what to do; `nil` if it can.
---@param place table with a `sha256`, as the recipe writes it
---@param version string
---@return string?
---@return string? advice `pin` it again, or change the `place`
function places.misfit(place, version)
  local text = place.url or place.debian
  if place.pinned == false or place.pinned == version then
    return nil
  elseif place.pinned then
    return ("its digest is of version `%s`, and `version` is `%s`"):format(place.pinned, version), "pin"
  elseif text:find("{version}", 1, true) then
    return "it does not say which version its digest is of", "pin"
  elseif not holds(text, version) then
    return ("it does not name version `%s`"):format(version), "place"
  end
end

--- The line of a place, by its digest or else by its field.
local function line_of(found, place, field)
  local at = type(place.sha256) == "string" and found.text:find(place.sha256, 1, true)
  return at and select(2, found.text:sub(1, at):gsub("\n", "")) + 1 or field
end

local function how_to_pin(found)
  return ("`bq scripts/hash_sources.lua --write %s`"):format(found.name)
end

local function check_place(self, found, field, place, version)
  for key, value in pairs(place) do
    local known = FIELDS[key]
    if not known then
      self:problem(found, key, ("a source has no field `%s`"):format(key))
    elseif not known.is(value) then
      self:problem(
        found,
        key,
        known.message or ("`%s` of a source is %s, expected %s"):format(key, type(value), known.expected)
      )
      return
    end
  end
  if place.unpack == false and (place.strip or place.exclude) then
    self:problem(
      found,
      "unpack",
      "`unpack = false` leaves a file as it is, so there is nothing to `strip` or `exclude`"
    )
  end
  for _, key in ipairs { "url", "debian", "package" } do
    self:check_names(found, key, place[key], template.SOURCE)
  end
  if not place.url == not place.debian then
    self:problem(found, field, "a source has either `url` or `debian`")
  elseif place.debian and not place.package and not place.debian:find "^[%w+.{}-]+_" then
    local what = "it does not begin with the name of a package and `_`; name the package by `package`"
    self:problem(found, "debian", ("`%s`: %s"):format(place.debian, what))
  elseif place.url and place.url ~= fetch.shown(place.url) then
    local what = "a recipe is copied into every rootfs, its passwords too; name a place with a password by `--mirror`"
    self:problem(found, "url", ("`%s`: %s"):format(fetch.shown(place.url), what))
  elseif place.sha256 and type(version) == "string" then
    local why, advice = places.misfit(place, version)
    if why then
      local what = advice == "pin" and "fetch and pin it: " .. how_to_pin(found)
        or "name the file of this version, or say `pinned`"
      self:problem(found, line_of(found, place, field), ("`%s`: %s; %s"):format(place.url or place.debian, why, what))
    end
  end
end

local function check_list(self, found, field, alternatives, version)
  if #alternatives == 0 then
    self:problem(found, field, ("`%s` lists no place to get it from"):format(field))
    return
  end
  local is_pinned = false
  for _, place in ipairs(alternatives) do
    if type(place) ~= "table" then
      self:problem(found, field, ("`%s` is not a list of tables, each with `url` or `debian`"):format(field))
      return
    end
    is_pinned = is_pinned or place.sha256 ~= nil
    check_place(self, found, field, place, version)
  end
  if not is_pinned then
    self:problem(
      found,
      field,
      ("no source of `%s` has a `sha256`; fetch and pin one: %s"):format(found.name, how_to_pin(found))
    )
  end
end

--- Checks the sources of a recipe, or of one phase of it.
---@param self bq.Recipes
---@param found bq.Recipe
---@param data table with `source` and `sources`
---@param version any the version there
function places.check(self, found, data, version)
  for name, alternatives in pairs(places.of(data)) do
    if not places.is_name(name) then
      self:problem(found, "sources", ("`sources` has `%s`, which is no name for a folder"):format(name))
    elseif type(alternatives) == "table" then
      check_list(self, found, name == "main" and "source" or "sources", alternatives, version)
    else
      self:problem(
        found,
        "sources",
        ("`sources` has `%s`, which is %s, expected a list of places"):format(name, type(alternatives))
      )
    end
  end
end

return places
