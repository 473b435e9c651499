-- What a recipe may say of its output: the paths that are an exception, and what a tree in a user's hands cannot hold.
local attributes = require "bq.run.attributes"
local capability = require "bq.capability"
local tables = require "bq.tables"

local output = {}

--- The fields, and of what type they are.
output.FIELDS = {
  keep = "strings", -- stays as it was installed
  may_name = "strings", -- may name folders that are there only while it is built
  may_write = "strings", -- outside of the output: may be changed, and is thrown away
  may_be_empty = "boolean",
  yields = "strings", -- gives way to another package's file
  owners = "map",
  modes = "map",
  capabilities = "map",
}

-- The fields that hold paths, in a list or as the names of a map.
local PATHS <const> = { "keep", "may_name", "may_write", "yields" }

-- What is wrong with a value of a field that is a map of paths; `nil` if nothing is.
local VALUES <const> = {
  owners = function(value)
    return not attributes.owner(value) and ("`%s` is not of the form `user:group`"):format(value) or nil
  end,
  modes = function(value)
    return not value:find "^[0-7][0-7][0-7][0-7]?$" and ("`%s` is no mode such as `4755`"):format(value) or nil
  end,
  capabilities = function(value)
    return select(2, capability.encode(value))
  end,
}

local MAPS <const> = tables.names(VALUES)

local function path_problem(path)
  -- `{prefix}/lib` becomes one.
  if not path:find "^[/{]" or path:find "/%.%.?/" or path:find "/%.%.?$" or path:find "//" then
    return ("`%s` is not an absolute path of the root"):format(path)
  end
end

--- What is wrong with what a recipe says of its output, whose types are right.
---@param data table
---@param problem fun(field: string, message: string)
function output.check(data, problem)
  local function say(field, what)
    if what then
      problem(field, ("`%s`: %s"):format(field, what))
    end
  end
  for _, field in ipairs(PATHS) do
    for _, path in ipairs(type(data[field]) == "table" and data[field] or {}) do
      say(field, type(path) == "string" and path_problem(path))
    end
  end
  for _, field in ipairs(MAPS) do
    local wrong = VALUES[field]
    for path, value in tables.sorted(type(data[field]) == "table" and data[field] or {}) do
      say(
        field,
        type(path) == "string"
          and (path_problem(path) or path:find("*", 1, true) and ("`%s`: one path, without `*`"):format(path))
      )
      say(field, type(value) ~= "string" and ("`%s` is %s, expected a text"):format(path, type(value)) or wrong(value))
    end
  end
end

return output
