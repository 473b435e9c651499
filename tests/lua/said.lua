-- What a check of a system's page says of a value, as lines.
local said = {}

--- The function that adds a line for each mistake to a list, and the list.
---@return fun(at: string, message: string)
---@return string[]
function said.list()
  local out = {}
  return function(at, message)
    out[#out + 1] = ("%s %s"):format(at, message)
  end, out
end

--- What a kind says of a value at `x`.
---@param kind fun(value: any, say: fun(at: string, message: string), at: string)
---@param value any
---@return string[]
function said.of(kind, value)
  local say, out = said.list()
  kind(value, say, "x")
  return out
end

return said
