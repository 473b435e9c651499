-- Small functions for lists and tables.
local tables = {}

--- Adds the values of a list to the end of another.
---@generic T
---@param list T[] changed
---@param more? T[]
---@return T[] list
function tables.append(list, more)
  return more and table.move(more, 1, #more, #list + 1, list) or list
end

--- A new list of the same values.
---@generic T
---@param list? T[] none is an empty one
---@return T[]
function tables.copy(list)
  return tables.append({}, list)
end

--- Whether a list has a value.
---@param list any[]
---@param value any
---@return boolean
function tables.contains(list, value)
  for _, one in ipairs(list) do
    if one == value then
      return true
    end
  end
  return false
end

--- The names in a table, sorted: what goes into files and messages must not depend on the order of `pairs`.
---@param of table<string, any>
---@return string[]
function tables.names(of)
  local names = {}
  for name in pairs(of) do
    names[#names + 1] = name
  end
  table.sort(names)
  return names
end

--- The names and values of a table, in the order of the names.
---@generic V
---@param of table<string, V>
---@return fun(): string?, V?
function tables.sorted(of)
  local names, index = tables.names(of), 0
  return function()
    index = index + 1
    return names[index], of[names[index]]
  end
end

return tables
