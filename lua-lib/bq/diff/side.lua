-- What a comparison can be of: workspaces, entries of a store, roots, disks, archives and single files.
local digest = require "bq.digest"
local entries = require "bq.diff.entries"
local fail = require "bq.fail"
local fs = require "bq.fs"
local image = require "bq.image"
local metadata = require "bq.stage.metadata"
local schema = require "bq.schema"
local state = require "bq.run.state"
local store = require "bq.store"
local workspace = require "bq.workspace"

local side = {}

-- The largest file of a disk that is read.
local MAX_FILE <const> = 1 << 30

---@class bq.diff.Side
---@field name string as the user wrote it
---@field kind "workspace"|"entry"|"root"|"disk"|"file"
---@field build? bq.State of a workspace
---@field space? bq.Workspace
---@field meta? bq.Meta of an entry
---@field disk? bq.image.Info

--- The manifest's lines by path; empty if there is none.
---@param text? string
---@param name string
---@return table<string, bq.Owned>
local function manifest(text, name)
  local out = {}
  local read = text and schema.parse(text, name, metadata.MANIFEST)
  for _, line in ipairs(read and read.files or {}) do
    out[line.path] = line
  end
  return out
end

--- A folder as a listing. Of what has a manifest, that says who owns a path.
---@param folder string
---@param attributes? table<string, bq.Attribute> what its files have beside what the disk says
---@return bq.diff.Listing
function side.tree(folder, attributes)
  local special, list = {}, {}
  for _, entry in ipairs(fs.walk(folder)) do
    if entry.type ~= "file" and entry.type ~= "dir" and entry.type ~= "link" then
      special[#special + 1] = entry
    end
  end
  local exclude = {}
  for index, entry in ipairs(special) do
    exclude[index] = entry.path
  end
  local place = folder .. workspace.INSIDE .. "/manifest.json"
  ---@type table<string, bq.Owned>
  local told = attributes and {}
    or manifest(fs.lstat(place) and fs.read(place, { limit = metadata.MANIFEST.limit }), place)
  local has_manifest = next(told) ~= nil
  for _, line in ipairs(digest.manifest(folder, { exclude = exclude, attributes = attributes })) do
    ---@cast line bq.Owned
    local said = told[line.path]
    if said then
      line.package, line.uid, line.gid = said.package, said.uid, said.gid
      line.mode, line.capabilities = said.mode, said.capabilities
    elseif not attributes and not has_manifest then
      local stat = fs.lstat(folder .. "/" .. line.path)
      line.uid, line.gid = stat and stat.uid, stat and stat.gid
    end
    list[#list + 1] = line
  end
  for _, entry in ipairs(special) do
    list[#list + 1] = { path = entry.path, type = entry.type, mode = entry.mode }
  end
  return entries.listing(list, function(path)
    return folder .. "/" .. path
  end)
end

--- A partition of a disk as a listing.
---@param session bq.diff.Session
---@param disk string
---@param partition? integer of a disk that is no file system itself
---@return bq.diff.Listing
function side.partition(session, disk, partition)
  local list, kept = {}, {}
  local function read(path)
    return image.read { path = disk, partition = partition, file = "/" .. path, max_bytes = MAX_FILE }
  end
  local ok, text = pcall(read, workspace.INSIDE:sub(2) .. "/manifest.json")
  local told = manifest(ok and text or nil, disk)
  for _, file in ipairs(image.list { path = disk, partition = partition }) do
    local path = file.path:gsub("^/", "")
    list[#list + 1] = {
      path = path,
      type = file.type,
      size = file.size,
      mode = file.mode,
      mtime = file.mtime,
      uid = file.uid,
      gid = file.gid,
      target = file.target,
      capabilities = file.capabilities,
      package = told[path] and told[path].package,
    }
  end
  return entries.listing(list, function(path)
    kept[path] = kept[path] or session:file(read(path) or "")
    return kept[path]
  end, function(path)
    if kept[path] then
      fs.remove(kept[path])
      kept[path] = nil
    end
  end)
end

--- What a file says if it is a disk or a file system; `nil` if it is neither.
---@param path string
---@return bq.image.Info?
function side.disk(path)
  local ok, info = pcall(image.info, path)
  return ok and (info.format == "qcow2" or #info.partitions > 0 or info.filesystem) and info or nil
end

--- What a name on the command line is.
---@param name string
---@return bq.diff.Side
function side.open(name)
  local stat = fs.stat(name)
  if not stat then
    fail.usage(
      ("`%s`: no such file or folder"):format(name),
      "a workspace, an entry of its store, a root, a tarball, a disk or a file"
    )
  elseif stat.type == "dir" then
    name = #name > 1 and name:gsub("/+$", "") or name
    if fs.stat(name .. "/plan.json") and fs.stat(name .. "/store") then
      local space = workspace.new(name)
      return { name = name, kind = "workspace", space = space, build = state.look(space, space:plan()) }
    elseif fs.stat(name .. "/meta.json") and fs.stat(name .. "/output") then
      return { name = name, kind = "entry", meta = schema.read(name .. "/meta.json", store.META) }
    end
    return { name = name, kind = "root" }
  elseif stat.type ~= "file" then
    fail.usage(("`%s` is a %s"):format(name, stat.type), "a file or a folder can be compared")
  end
  local disk = side.disk(name)
  return { name = name, kind = disk and "disk" or "file", disk = disk }
end

return side
