-- The folders of steps in `build/`, and their removal. Removing a large build tree takes minutes on disks that discard
-- the blocks of each file at once, so it runs in parallel with the next steps.
local fs = require "bq.fs"
local job = require "bq.run.job"
local process = require "bq.process"
local tables = require "bq.tables"

local trees = {}

-- Names of folders that wait for their removal begin with this. An earlier run may have left some.
local ASIDE <const> = "gone-"

---@class bq.Trees
---@field workspace bq.Workspace
---@field gone string[] folders whose removal has not started
---@field removing table<integer, true> processes that remove folders
local Trees = {}
Trees.__index = Trees

---@param workspace bq.Workspace
---@return bq.Trees
function trees.new(workspace)
  return setmetatable({ workspace = workspace, gone = {}, removing = {} }, Trees)
end

--- The path for a step's new folder. An old folder at this path is moved away.
---@param id string
---@return string
function Trees:clear(id)
  local folder = job.folder(self.workspace, id)
  if fs.lstat(folder) then
    local aside = fs.mkdtemp(self.workspace:at("build", ASIDE))
    local lock = job.enter(folder)
    fs.rename(folder, aside .. "/tree")
    -- If a shell is in its root, the folder stays, and a later run removes it.
    if lock then
      fs.unlock(lock)
      self.gone[#self.gone + 1] = aside
    end
  end
  return folder
end

--- A step is done, and its folder is no longer needed.
---@param folder string
---@param keep? boolean the folder stays
function Trees:done(folder, keep)
  if keep then
    fs.write(job.paths(folder).kept, "", { sync = false })
  else
    self.gone[#self.gone + 1] = folder
  end
end

--- Starts the removal of unneeded folders, in a separate process.
function Trees:remove()
  if #self.gone > 0 then
    local argv = { process.executable(), "-e", "for _, path in ipairs(arg) do require('bq.fs').remove_all(path) end" }
    tables.append(argv, self.gone)
    self.removing[process.spawn { argv = argv, stdout = "null", stderr = "null", die_with_parent = true }] = true
    self.gone = {}
  end
end

--- Whether something is being removed.
---@return boolean
function Trees:busy()
  return next(self.removing) ~= nil
end

--- Called when a process has ended; it may be one that removes folders.
---@param pid integer
function Trees:ended(pid)
  self.removing[pid] = nil
end

--- Removes a step's folder, unless a shell is in its root.
local function remove_unless_entered(folder, tree)
  local lock = fs.stat(tree) and job.enter(tree)
  if lock then
    fs.unlock(lock)
  end
  if lock or not fs.stat(tree) then
    fs.remove_all(folder)
  end
end

--- Removes folders that an earlier run left: it may have been killed before or during the removal.
---@param states table<string, string> by step id
function Trees:sweep(states)
  local names, needless = fs.list(self.workspace:at "build"), {}
  for id, state in pairs(#names > 0 and states or {}) do
    needless[job.folder(self.workspace, id)] = state == "done"
  end
  for _, name in ipairs(names) do
    local folder = self.workspace:at("build", name)
    local is_aside = name:sub(1, #ASIDE) == ASIDE
    if is_aside or needless[folder] and not fs.stat(job.paths(folder).kept) then
      remove_unless_entered(folder, is_aside and folder .. "/tree" or folder)
    end
  end
end

return trees
