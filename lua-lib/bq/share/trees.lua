-- The store of another workspace, as a place to read outputs from. It may be another user's.
local fail = require "bq.fail"
local fs = require "bq.fs"
local entry = require "bq.share.entry"
local store = require "bq.store"
local workspace = require "bq.workspace"

local trees = {}

-- The longest record, in bytes, as `bq.store` has it.
local LIMIT <const> = store.META.limit

---@class bq.share.Trees: bq.share.Place
---@field other bq.Workspace
local Trees = {}
Trees.__index = Trees

--- Whether a folder is a workspace.
---@param path string
---@return boolean
function trees.is_workspace(path)
  local stat = fs.stat(path .. "/store")
  return stat ~= nil and stat.type == "dir"
end

---@param path string of the workspace
---@return bq.share.Trees
function trees.new(path)
  return setmetatable({ other = workspace.new(path), name = path, is_written = false }, Trees)
end

--- The records of the outputs that are there.
---@param asks bq.share.Ask[]
---@return table<string, bq.share.Result> # by key
---@return table<string, string> wrong by key, why what is there is not taken
function Trees:look(asks)
  local out, wrong = {}, {}
  for _, ask in ipairs(asks) do
    local path = store.record(self.other, ask.key)
    if fs.lstat(path) then
      local ok, err = pcall(function()
        if self.trust then
          fail.raise "a workspace has no signatures"
        end
        local text = fs.read(path, { nofollow = true, limit = LIMIT })
        out[ask.key] = { text = text, meta = entry.meta(text, ask, self.name) }
      end)
      wrong[ask.key] = not ok and tostring(err) or nil
    end
  end
  return out, wrong
end

--- Copies outputs, and checks the copies.
---@param results bq.share.Result[]
---@param into string a folder
---@return table<string, string> # folders by key
---@return table<string, string> wrong by key, why it is not taken
---@return nil
---@return integer bytes
function Trees:get(results, into)
  local out, wrong = {}, {}
  for _, one in ipairs(results) do
    local key, meta = one.meta.key, one.meta
    local target = ("%s/%s"):format(into, key)
    local ok, err = pcall(function()
      fs.mkdir(target)
      fs.copy(store.output(self.other, key), target .. "/output")
      local path = store.log(self.other, key)
      local log = fs.lstat(path) and fs.read(path, { nofollow = true, limit = 1 << 30 }) or ""
      fs.write(target .. "/log", log, { sync = false })
      fs.write(target .. "/meta.json", one.text, { sync = false })
      local actual = store.digest(target .. "/output", meta.attributes)
      if actual ~= meta.output then
        fail.raise(("tree digest %s, expected %s"):format(actual, meta.output))
      end
    end)
    out[key] = ok and target or nil
    wrong[key] = not ok and tostring(err) or nil
  end
  fs.syncfs(into)
  return out, wrong, nil, 0
end

return trees
