-- What `b` has for files besides reading, writing and copying: a recipe has no other way to look at its root.
local fail = require "bq.fail"
local files = require "bq.files"
local fs = require "bq.fs"

---@class (partial) bq.Step
local step_files = {}

--- Removes a file, or a folder with all that is in it. Raises if there is nothing.
---@param path string
function step_files:remove(path)
  if not fs.lstat(path) then
    fail.raise(("`%s` is not there to be removed"):format(path))
  end
  fs.remove_all(path)
end

---@param path string
---@param mode string|integer `0755`
function step_files:chmod(path, mode)
  fs.chmod(path, files.mode(mode))
end

--- The names in a folder, sorted.
---@param path string
---@return string[]
function step_files:list(path)
  return fs.list(path)
end

--- All that is below a folder, links not followed: `path` (from there), `type`, `size`, `mode`.
---@param path string
---@return bq.fs.Entry[]
function step_files:walk(path)
  return fs.walk(path)
end

--- What a path leads to, links followed; `nil` if that is nothing.
---@param path string
---@return bq.fs.Stat?
function step_files:stat(path)
  return fs.stat(path)
end

--- What a link says; `nil` if the path is no link.
---@param path string
---@return string?
function step_files:readlink(path)
  return fs.readlink(path)
end

--- Where a path leads, all links followed. Raises if that is nothing.
---@param path string
---@return string
function step_files:realpath(path)
  return fs.realpath(path)
end

return step_files
