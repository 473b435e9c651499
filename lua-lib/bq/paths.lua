-- Matches paths of a root as recipes write them: absolute, with `*` for anything but `/`.
local paths = {}

--- A function that says whether a path, or a folder above it, is in a list.
---@param patterns? string[]
---@return fun(path: string): boolean with or without a leading `/`
function paths.matcher(patterns)
  local list = {}
  for _, pattern in ipairs(patterns or {}) do
    local text = pattern:gsub("^/", ""):gsub("/$", ""):gsub("[%^$().%[%]+%-?%%]", "%%%0"):gsub("%*", "[^/]*")
    list[#list + 1] = "^/?" .. text .. "$"
    list[#list + 1] = "^/?" .. text .. "/"
  end
  return function(path)
    for _, pattern in ipairs(list) do
      if path:find(pattern) then
        return true
      end
    end
    return false
  end
end

--- A relative path, from one that may begin with `/`.
---@param path string
---@return string without a leading `/`
function paths.relative(path)
  return (path:gsub("^/+", ""))
end

return paths
