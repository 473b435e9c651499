-- Looks up paths in a stack of trees, as an overlay of them would show it, without mounting one.
local fs = require "bq.fs"

local layers = {}

-- What marks a removed path in a layer, see `bq.run.mask`. Seeds and outputs have neither.
local REMOVED <const> = { char = true, fifo = true }

--- The entry of the topmost tree that has a path. Links are not followed.
---@param lowers string[] trees, the topmost first
---@param path string without a leading `/`
---@return bq.fs.Stat? `nil` if there is nothing
---@return string? place
function layers.find(lowers, path)
  for _, lower in ipairs(lowers) do
    local place = lower == "/" and "" or lower
    local is_there = true
    for part in path:gmatch "([^/]+)/" do
      place = place .. "/" .. part
      local stat = fs.lstat(place)
      if stat and stat.type ~= "dir" then
        -- This is not a folder, so it hides what lower trees have below this path.
        return nil
      elseif not stat then
        is_there = false
        break
      end
    end
    place = place .. "/" .. path:match "[^/]+$"
    local stat = is_there and fs.lstat(place)
    if stat then
      if REMOVED[stat.type] then
        return nil
      end
      return stat, place
    end
  end
end

--- The content of a file.
---@param lowers string[]
---@param path string
---@return string? `nil` if there is no such file
function layers.read(lowers, path)
  local stat, place = layers.find(lowers, path)
  return stat and stat.type == "file" and fs.read(place) or nil
end

--- The names in a folder.
---@param lowers string[]
---@param path string
---@return table<string, true>
function layers.names(lowers, path)
  local out = {}
  for index, lower in ipairs(lowers) do
    local stat, place = layers.find({ lower }, path)
    for _, name in ipairs(stat and stat.type == "dir" and fs.list(place) or {}) do
      out[name] = layers.find({ table.unpack(lowers, 1, index) }, path .. "/" .. name) and true or nil
    end
  end
  return out
end

return layers
