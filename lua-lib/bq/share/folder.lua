-- A shared store: a folder with results in `ac/` and blobs in `cas/`, each by its digest. It is what a plain HTTP cache serves,
-- so a web server can give the same folder to other machines. Several users may write to it.
local digest = require "bq.digest"
local files = require "bq.files"
local fs = require "bq.fs"
local message = require "bq.share.message"

local folder = {}

local READABLE <const> = files.mode "0644"

---@class bq.share.Folder: bq.share.Transport
---@field path string
local Folder = {}
Folder.__index = Folder

--- A folder, which need not be there yet.
---@param path string
---@return bq.share.Folder
function folder.new(path)
  return setmetatable({ path = path, name = path }, Folder)
end

local function down(err)
  return { kind = "down", text = tostring(err) }
end

--- The texts of results.
---@param actions bq.share.Digest[]
---@return table<string, string> # by hash
---@return bq.share.Trouble?
function Folder:results(actions)
  local out, trouble = {}, nil
  for _, action in ipairs(actions) do
    local hash = action.hash
    local path = ("%s/ac/%s"):format(self.path, hash)
    local ok, text = pcall(fs.read, path, { limit = message.LARGEST, nofollow = true })
    if ok then
      out[hash] = text
      -- Its time says when it was used last, for `gc`. Only its owner can set it.
      pcall(fs.utime, path, os.time())
    elseif text.code ~= "ENOENT" and text.code ~= "ENOTDIR" then
      trouble = down(text)
    end
  end
  return out, trouble
end

--- Blobs as files. Nothing is copied.
---@param blobs bq.share.Digest[]
---@return table<string, string> # paths by hash
---@return bq.share.Trouble?
function Folder:fetch(blobs)
  local out = {}
  for _, blob in ipairs(blobs) do
    local path = ("%s/cas/%s"):format(self.path, blob.hash)
    local stat = fs.lstat(path)
    out[blob.hash] = stat and stat.type == "file" and path or nil
  end
  return out
end

--- Makes the folder, and finds out whether this user may write to it.
---@return boolean
function Folder:may_write()
  local top = fs.stat(self.path)
  local ok = pcall(function()
    fs.mkdir(self.path)
    for _, name in ipairs { "ac", "cas" } do
      local path = ("%s/%s"):format(self.path, name)
      if not fs.stat(path) then
        fs.mkdir(path)
        -- Who may write to the store may write to all of it.
        fs.chmod(path, (top or fs.stat(self.path)).mode)
      end
      fs.remove_all(fs.mkdtemp(path .. "/.new-"))
    end
  end)
  return ok
end

--- Writes a file by one rename; others may read it.
local function place(self, kind, hash, fill)
  local aside = fs.mkdtemp(("%s/%s/.new-"):format(self.path, kind))
  local ok, err = pcall(function()
    fill(aside .. "/file")
    fs.chmod(aside .. "/file", READABLE)
    fs.sync(aside .. "/file")
    fs.rename(aside .. "/file", ("%s/%s/%s"):format(self.path, kind, hash))
  end)
  fs.remove_all(aside)
  if not ok then
    error(err, 0)
  end
end

--- Whether a blob is there, and whole.
local function has(self, blob)
  local path = ("%s/cas/%s"):format(self.path, blob.hash)
  local stat = fs.lstat(path)
  if not stat or stat.type ~= "file" or stat.size ~= blob.size then
    return false
  end
  local ok, actual = pcall(digest.file, path)
  return ok and actual == blob.hash
end

--- Whether all of these are there.
---@param blobs bq.share.Digest[]
---@return boolean
function Folder:has(blobs)
  for _, blob in ipairs(blobs) do
    if not has(self, blob) then
      return false
    end
  end
  return true
end

--- Writes blobs that are not there.
---@param blobs bq.share.Blob[]
---@param _ boolean? whether those that are there may be wrong: here they are read anyway
---@return integer? bytes that were written; `nil` if it failed
---@return bq.share.Trouble?
function Folder:upload(blobs, _)
  local bytes = 0
  local ok, err = pcall(function()
    for _, blob in ipairs(blobs) do
      if not has(self, blob.digest) then
        place(self, "cas", blob.digest.hash, function(path)
          if blob.path then
            fs.copy(blob.path, path)
          else
            fs.write(path, blob.text --[[@as string]], { sync = false })
          end
        end)
        bytes = bytes + blob.digest.size
      end
    end
  end)
  if not ok then
    return nil, { kind = "refused", text = tostring(err) }
  end
  return bytes
end

--- Writes a result. All its blobs are there.
---@param action bq.share.Digest
---@param text string
---@return bq.share.Trouble?
function Folder:publish(action, text)
  local ok, err = pcall(place, self, "ac", action.hash, function(path)
    fs.write(path, text, { sync = false })
  end)
  return not ok and { kind = "refused", text = tostring(err) } or nil
end

return folder
