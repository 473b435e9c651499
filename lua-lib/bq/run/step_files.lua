-- Methods of `b` for files, besides reading, writing and copying. A recipe has no other access to the files of its
-- root.
local fail = require "bq.fail"
local files = require "bq.files"
local fs = require "bq.fs"

---@class (partial) bq.Step
local step_files = {}

--- Removes a file, or a folder with its content. Raises if it does not exist.
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

--- All entries below a folder, without following links: `path` (relative to the folder), `type`, `size`, `mode`.
---@param path string
---@return bq.fs.Entry[]
function step_files:walk(path)
  return fs.walk(path)
end

--- The status of a path, with links followed; `nil` if it does not exist.
---@param path string
---@return bq.fs.Stat?
function step_files:stat(path)
  return fs.stat(path)
end

--- The target of a link; `nil` if the path is not a link.
---@param path string
---@return string?
function step_files:readlink(path)
  return fs.readlink(path)
end

--- The path without links. Raises if it does not exist.
---@param path string
---@return string
function step_files:realpath(path)
  return fs.realpath(path)
end

return step_files
