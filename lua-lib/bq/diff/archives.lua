-- The members of an archive as a listing, with their content in a temporary folder.
local archive = require "bq.archive"
local digest = require "bq.digest"
local entries = require "bq.diff.entries"
local fs = require "bq.fs"
local headers = require "bq.diff.headers"

local archives = {}

-- What is unpacked in memory to read headers again.
local MOST <const> = 256 << 20
local READABLE <const>, SEARCHABLE <const> = tonumber("400", 8), tonumber("700", 8)

--- Adds what a zip's own headers say.
local function add_zip_headers(bytes, list)
  local ok, raw = pcall(headers.zip, bytes)
  for _, entry in ipairs(ok and list or {}) do
    local header = raw[entry.path] or {}
    entry.form, entry.stamps = header.form, header.stamps
    entry.uid, entry.gid = header.uid or entry.uid, header.gid or entry.gid
  end
end

--- Adds what an archive's own headers say, if they can be read again.
local function add_headers(path, list)
  local file <close> = assert(io.open(path, "rb"))
  local size = file:seek "end"
  if file:seek("set", 0) and file:read(2) == "PK" then
    return size <= MOST and file:seek("set", 0) and add_zip_headers(file:read "a", list)
  end
  local ok, bytes = pcall(archive.decompress, path, { max_bytes = MOST })
  if not ok or not bytes:find("^ustar", 258) then
    return
  end
  local raw = headers.tar(bytes)
  if #raw == #list then
    for index, entry in ipairs(list) do
      local header = raw[index]
      entry.uname, entry.gname, entry.form, entry.time = header.uname, header.gname, header.form, header.time
    end
  end
end

--- Makes all that was unpacked readable for this user: an archive may say that nobody reads it.
local function open_all(target, list)
  for _, entry in ipairs(list) do
    local place = target .. "/" .. entry.path
    local stat = (entry.type == "dir" or entry.type == "file") and fs.lstat(place)
    local wanted = entry.type == "dir" and SEARCHABLE or READABLE
    if stat and stat.type == entry.type and stat.mode & wanted ~= wanted then
      fs.chmod(place, stat.mode | wanted)
    end
  end
end

--- Unpacks an archive that `bq.archive` reads: tar, plain or compressed, zip.
---@param session bq.diff.Session
---@param path string
---@return bq.diff.Listing
function archives.unpack(session, path)
  local list = archive.list(path) --[[@as bq.diff.Entry[] ]]
  local target = session:path()
  local made = archive.extract {
    path = path,
    target = target,
    profile = "rootfs",
    attributes = "collect",
    devices = "skip",
  }
  open_all(target, list)
  for _, entry in ipairs(list) do
    local attribute = made.attributes and made.attributes[entry.path] or {}
    entry.uid, entry.gid, entry.capabilities = attribute.uid, attribute.gid, attribute.capabilities
    if entry.type == "file" then
      entry.digest = digest.file(target .. "/" .. entry.path)
    end
  end
  add_headers(path, list)
  return entries.listing(list, function(name)
    local place = target .. "/" .. name
    local stat = fs.lstat(place)
    return stat and stat.type == "file" and place or nil
  end)
end

--- A listing of members that are in memory.
---@param session bq.diff.Session
---@param list bq.diff.Member[]
---@return bq.diff.Listing
function archives.of_members(session, list)
  local by_path, kept = {}, {}
  for _, member in ipairs(list) do
    member.digest = member.type == "file" and digest.sha256(member.bytes) or nil
    by_path[member.path] = member
  end
  return entries.listing(list, function(name)
    kept[name] = kept[name] or session:file(by_path[name].bytes)
    return kept[name]
  end, function(name)
    if kept[name] then
      fs.remove(kept[name])
      kept[name] = nil
    end
  end)
end

return archives
