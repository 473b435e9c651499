-- Paths of a root as recipes name them: absolute, with `*` for anything but `/`.
local paths = {}

--- Whether a path, or a folder that it lies in, is one of those that are named.
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

--- A path below a folder, from one that may begin with `/`.
---@param path string
---@return string without a leading `/`
function paths.relative(path)
  return (path:gsub("^/+", ""))
end

return paths
