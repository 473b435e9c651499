-- Outputs by key: `store/<key>/` appears by one rename, it is there whole or not at all.
local digest = require "bq.digest"
local files = require "bq.files"
local fs = require "bq.fs"
local json = require "bq.json"

local store = {}

--- The file of the output's tree and of what is known about it.
---@param workspace bq.Workspace
---@param key string
---@return string
function store.output(workspace, key)
  return workspace:at("store", key, "output")
end

--- The digest of an output: of its tree and of its attributes.
---@param tree string
---@param attributes? table<string, bq.Attribute>
---@return string
function store.digest(tree, attributes)
  local plain = digest.tree(tree)
  return attributes and digest.sha256(plain .. json.encode(attributes)) or plain
end

--- What is known about a stored output; `nil` if the key is not in the store.
---@param workspace bq.Workspace
---@param key string
---@return table? meta `output` (its digest), `attributes`, `inputs`, `step`, `seconds`, …
function store.get(workspace, key)
  local path = workspace:at("store", key, "meta.json")
  if fs.stat(path) then
    return json.decode(fs.read(path))
  end
end

--- Puts a finished entry into the store.
---@param workspace bq.Workspace
---@param key string
---@param entry string a folder with `output/`, `meta.json` and `log`, which is on the disk
function store.put(workspace, key, entry)
  files.publish(entry, workspace:at("store", key), true)
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
