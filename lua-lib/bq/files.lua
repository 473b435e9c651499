-- Files of the bundle and of the disk under one roof: `$/…` names are the bundle's.
local fs = require "bq.fs"
local host = require "bq.host"

local files = {}

--- The content of a file, `nil` if there is none.
---@param path string
---@return string?
function files.read(path)
  if path:sub(1, 2) == "$/" then
    return host.bundled(path)
  end
  local stat = fs.stat(path)
  return stat and stat.type == "file" and fs.read(path) or nil
end

--- The names in a folder, sorted; empty if there is none.
---@param path string
---@return string[]
function files.list(path)
  if path:sub(1, 2) ~= "$/" then
    local stat = fs.stat(path)
    return stat and stat.type == "dir" and fs.list(path) or {}
  end
  local names, seen = {}, {}
  for _, name in ipairs(host.bundle()) do
    local rest = name:sub(1, #path + 1) == path .. "/" and name:sub(#path + 2)
    local first = rest and rest:match "^[^/]+"
    if first and not seen[first] then
      seen[first] = true
      names[#names + 1] = first
    end
  end
  return names
end

--- The source of a module of the library, and where it is: what `require` would load.
---@param name string such as `bq.strategy.make`
---@return string? text
---@return string? path
function files.module(name)
  local relative = name:gsub("%.", "/") .. ".lua"
  for _, folder in ipairs(host.module_folders) do
    local text = files.read(folder .. "/" .. relative)
    if text then
      return text, folder .. "/" .. relative
    end
  end
  local path = "$/lua-lib/" .. relative
  return files.read(path), path
end

--- The folder of a path.
---@param path string
---@return string
function files.parent(path)
  return path:match "^(.*)/[^/]*$" or "."
end

--- The last part of a path.
---@param path string
---@return string
function files.name(path)
  return path:match "([^/]+)/*$" or path
end

return files
