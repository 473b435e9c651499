-- Whether a process outside of the build still runs: it holds the lock of its folder as long as it does.
local fs = require "bq.fs"
local process = require "bq.process"

local holder = {}

-- How often to look, in seconds.
local CHECK <const> = 0.5

---@class bq.share.Holder
---@field package path string of the lock
---@field package checked number
local Holder = {}
Holder.__index = Holder

---@param folder string of the process
---@return bq.share.Holder
function holder.new(folder)
  return setmetatable({ path = folder .. "/lock", checked = 0 }, Holder)
end

--- Whether it has ended. It may be asked often.
---@return boolean
function Holder:has_ended()
  if process.clock() - self.checked < CHECK then
    return false
  end
  self.checked = process.clock()
  local lock = fs.lock(self.path)
  if lock then
    fs.unlock(lock)
  end
  return lock ~= nil
end

return holder
