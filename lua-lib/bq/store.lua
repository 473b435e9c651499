-- Outputs by key. `store/<key>/` is made by one rename, so an entry is complete or missing. A disk or a user may damage
-- it later. So entries are checked when they are read, and a damaged one is a result, not an error.
local digest = require "bq.digest"
local files = require "bq.files"
local fs = require "bq.fs"
local json = require "bq.json"
local schema = require "bq.schema"

local store = {}

--- The record of an output. A step could have written this file, so no link is followed.
---@type bq.schema.Format
store.META = {
  what = "the record of an output",
  -- The largest record, in bytes.
  limit = 64 << 20,
  nofollow = true,
  kind = schema.record {
    key = schema.KEY,
    step = schema.STEP,
    version = schema.text(),
    output = schema.SHA256,
    inputs = schema.any_map(),
    seconds = schema.number(),
    ["license?"] = schema.text(),
    ["attributes?"] = schema.map(schema.record {
      ["uid?"] = schema.ID,
      ["gid?"] = schema.ID,
      ["mode?"] = schema.MODE,
      ["capabilities?"] = schema.CAPABILITIES,
    }),
  },
}

---@class bq.Meta the record of a stored output
---@field key string
---@field step string
---@field version string
---@field output string the digest of its tree
---@field attributes? table<string, table> metadata that an ordinary user's tree cannot have
---@field inputs table the inputs of the step; their digest is the key
---@field seconds number

--- The tree of an output.
---@param workspace bq.Workspace
---@param key string
---@return string
function store.output(workspace, key)
  return workspace:at("store", key, "output")
end

--- The record of an output.
---@param workspace bq.Workspace
---@param key string
---@return string
function store.record(workspace, key)
  return workspace:at("store", key, "meta.json")
end

--- The log of the step that made an output. People may have removed it: the output is whole without it.
---@param workspace bq.Workspace
---@param key string
---@return string
function store.log(workspace, key)
  return workspace:at("store", key, "log")
end

--- The digest of an output: of its tree and of its attributes.
---@param tree string
---@param attributes? table<string, bq.Attribute>
---@return string
function store.digest(tree, attributes)
  return digest.tree(tree, attributes and { attributes = attributes })
end

--- The record of a stored output; `nil` if it is missing or damaged.
---@param workspace bq.Workspace
---@param key string
---@return bq.Meta? meta `nil` if the key is not in the store, or its entry is damaged
---@return string? damage
function store.get(workspace, key)
  local ok, meta = pcall(schema.read, store.record(workspace, key), store.META)
  if not ok then
    return nil, "its record cannot be read: " .. tostring(meta.cause)
  elseif not meta then
    return nil, fs.lstat(workspace:at("store", key)) and "it has no record" or nil
  elseif meta.key ~= key then
    return nil, "its record is that of another output"
  end
  local output = fs.lstat(store.output(workspace, key))
  if not output or output.type ~= "dir" then
    return nil, "its tree is gone"
  end
  return meta
end

--- The record of an output that a shared store or a cache has, and this store has not.
---@param workspace bq.Workspace
---@param key string
---@return bq.Meta? # `nil` if none is known, or it is damaged
function store.known(workspace, key)
  local ok, meta = pcall(schema.read, workspace:at("share", "known", key .. ".json"), store.META)
  return ok and meta and meta.key == key and meta or nil
end

--- Notes that an output is elsewhere, so that it counts as built.
---@param workspace bq.Workspace
---@param key string
---@param record string its text
function store.note(workspace, key, record)
  fs.mkdir(workspace:at("share", "known"))
  fs.write(workspace:at("share", "known", key .. ".json"), record, { sync = false })
end

--- Forgets that an output is elsewhere.
---@param workspace bq.Workspace
---@param key string
function store.forget(workspace, key)
  fs.remove(workspace:at("share", "known", key .. ".json"))
end

--- Reads a stored tree again and compares its digest with the record.
---@param workspace bq.Workspace
---@param meta bq.Meta
---@return string? damage
function store.check(workspace, meta)
  local ok, actual = pcall(store.digest, store.output(workspace, meta.key), meta.attributes)
  if not ok then
    return tostring(actual)
  end
  return actual ~= meta.output and ("tree digest %s, expected %s"):format(actual, meta.output) or nil
end

--- Whether a tree was changed since it was stored. It does not read content: a write changes the file's time.
local function is_touched(tree, epoch)
  local stat = fs.lstat(tree)
  if not stat or stat.mtime ~= epoch then
    return true
  end
  for _, entry in ipairs(fs.walk(tree)) do
    if entry.mtime ~= epoch or entry.type ~= "file" and entry.type ~= "dir" and entry.type ~= "link" then
      return true
    end
  end
  return false
end

--- Checks a stored tree quickly. It is read only if a time in it was changed.
---@param workspace bq.Workspace
---@param meta bq.Meta
---@return string? damage
function store.glance(workspace, meta)
  local ok, touched = pcall(is_touched, store.output(workspace, meta.key), meta.inputs.epoch)
  return not ok and tostring(touched) or touched and store.check(workspace, meta) or nil
end

--- Moves a finished entry into the store.
---@param workspace bq.Workspace
---@param key string
---@param entry string a folder with `output/`, `meta.json` and `log`, which is on the disk
function store.put(workspace, key, entry)
  files.publish(entry, workspace:at("store", key), true)
end

--- Removes an entry.
---@param workspace bq.Workspace
---@param key string
function store.remove(workspace, key)
  fs.remove_all(workspace:at("store", key))
end

--- All keys in the store, sorted.
---@param workspace bq.Workspace
---@return string[]
function store.keys(workspace)
  local keys = {}
  for _, name in ipairs(fs.stat(workspace:at "store") and fs.list(workspace:at "store") or {}) do
    if name:find "^%x+$" then
      keys[#keys + 1] = name
    end
  end
  return keys
end

return store
