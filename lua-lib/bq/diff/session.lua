-- What one comparison needs on the way: a temporary folder, which goes when it is over, also by a signal.
local fail = require "bq.fail"
local fs = require "bq.fs"
local process = require "bq.process"

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

local function make_folder()
  return fs.mkdtemp((os.getenv "TMPDIR" or "/tmp") .. "/bq-diff-")
end

--- A session whose folder goes with this program, however that ends: from here on the program is a child, and its parent waits for
--- it, removes the folder and ends as it did. To be called before there are threads.
---@return bq.diff.Session
function session.watched()
  -- Where nothing can be written, only what needs the folder fails.
  local ok, folder = pcall(make_folder)
  if not ok then
    return session.new()
  end
  local child = process.fork()
  if child == 0 then
    return setmetatable({ count = 0, folder = folder }, Session)
  end
  local status = process.reap(child)
  if fs.lstat(folder) then
    fs.remove_all(folder)
  end
  fail.exit(status.exit_status)
end

--- A new path in the temporary folder.
---@return string
function Session:path()
  self.folder = self.folder or make_folder()
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
