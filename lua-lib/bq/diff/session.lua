-- What one comparison needs on the way: a temporary folder, which goes when it is over.
local fs = require "bq.fs"

---@class bq.diff.Session
---@field package folder? string
---@field package count integer
local Session = {}
Session.__index = Session

local session = {}

---@return bq.diff.Session
function session.new()
  return setmetatable({ count = 0 }, Session)
end

--- A new path in the temporary folder.
---@return string
function Session:path()
  self.folder = self.folder or fs.mkdtemp((os.getenv "TMPDIR" or "/tmp") .. "/bq-diff-")
  self.count = self.count + 1
  return ("%s/%d"):format(self.folder, self.count)
end

--- A temporary file with a content.
---@param bytes string
---@return string path
function Session:file(bytes)
  local path = self:path()
  fs.write(path, bytes, { sync = false })
  return path
end

--- Removes the folder.
function Session:close()
  if self.folder then
    fs.remove_all(self.folder)
    self.folder = nil
  end
end

Session.__close = Session.close

return session
