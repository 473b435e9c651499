-- Patches out of a further source, such as those that a distribution carries for the same release: they are named by the
-- recipe, and applied before its own.
local json = require "bq.json"
local tables = require "bq.tables"

local patches_from = {}

--- What the sources are called that hold patches: by their place in the list.
local NAME <const> = "patches-%d"

---@class bq.PatchesFrom
---@field source string the name of the source
---@field files string[] the patches in it, in their order

--- The sources of a recipe that hold patches, by name, as places.
---@param data table
---@return table<string, bq.Place[]>
function patches_from.places(data)
  local out = {}
  for index, one in ipairs(type(data.patches_from) == "table" and data.patches_from or {}) do
    local place = {}
    for field, value in pairs(type(one) == "table" and one or {}) do
      place[field] = field ~= "patches" and value or nil
    end
    out[NAME:format(index)] = { place }
  end
  return out
end

--- The patches that a recipe takes from further sources; `nil` if it takes none.
---@param data table
---@return bq.PatchesFrom[]?
function patches_from.of(data)
  local out = json.array {}
  for index, one in ipairs(data.patches_from or {}) do
    local list = json.array {}
    for _, patch in ipairs(one.patches) do
      list[#list + 1] = patch.file
    end
    out[index] = { source = NAME:format(index), files = list }
  end
  return #out > 0 and out or nil
end

local function is_path(value)
  return type(value) == "string"
    and value ~= ""
    and not value:find "^/"
    and not ("/" .. value .. "/"):find("/../", 1, true)
end

--- What is wrong with the list; its places are checked with the other sources.
---@param data table
---@param problem fun(field: string, message: string)
function patches_from.check(data, problem)
  if type(data.patches_from) == "table" and next(data.patches_from) ~= nil and #data.patches_from == 0 then
    problem("patches_from", "`patches_from` is a list of places, each a table in braces of its own")
    return
  end
  for _, one in ipairs(type(data.patches_from) == "table" and data.patches_from or {}) do
    if type(one) ~= "table" or type(one.patches) ~= "table" or #one.patches == 0 then
      problem("patches_from", "each of `patches_from` is a place with `patches`, a list of the patches to take")
      return
    end
    for _, patch in ipairs(one.patches) do
      if type(patch) ~= "table" or not is_path(patch.file) then
        problem(
          "patches_from",
          '`patches` lists `{ file = "PATH", fixes = "WHAT" }`, each the path of a patch in the archive'
        )
        return
      end
      for field, value in tables.sorted(patch) do
        if field ~= "file" and field ~= "fixes" then
          problem("patches_from", ("a patch has no field `%s`, only `file` and `fixes`"):format(field))
        elseif type(value) ~= "string" then
          problem("patches_from", ("`%s` of a patch is %s, expected a text"):format(field, type(value)))
        end
      end
    end
  end
end

return patches_from
