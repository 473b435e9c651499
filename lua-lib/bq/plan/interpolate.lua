-- `{name}` in the strings of recipes and phases.
local json = require "bq.json"

--- Replaces `{name}` by a value, in a string or in all strings of a table. Other braces stay as they are.
---@param value any
---@param values table<string, string|number>
---@return any
local function interpolate(value, values)
  if type(value) == "string" then
    return (value:gsub("{([%l_]+)}", function(name)
      local found = values[name]
      return found ~= nil and tostring(found) or nil
    end))
  elseif type(value) == "table" then
    -- A list of JSON hides its metatable; its copy stays a list, also when empty.
    local out = getmetatable(value) == false and json.array {} or {}
    for key, item in pairs(value) do
      out[key] = interpolate(item, values)
    end
    return out
  end
  return value
end

return interpolate
