-- Finds what a step changed in its root outside of its own folders. These changes are thrown away, so a file that was
-- meant for the output would be lost.
local digest = require "bq.digest"
local fs = require "bq.fs"
local layers = require "bq.run.layers"

local changes = {}

---@class bq.Change
---@field path string absolute
---@field what string such as `was written`

-- Copies do not have these bits.
local SET_ID <const> = tonumber("6000", 8)

--- Whether a file is unchanged, although an overlay copied it or a program opened it for writing.
local function is_same(stat, place, old, old_place)
  if stat.type ~= old.type then
    return false
  elseif stat.type == "link" then
    return fs.readlink(place) == fs.readlink(old_place)
  elseif (stat.mode ~ old.mode) & ~SET_ID ~= 0 then
    return false
  end
  return stat.type == "dir"
    or stat.type == "file" and stat.size == old.size and digest.file(place) == digest.file(old_place)
end

--- How one path changed; `nil` if it did not.
local function changed(lowers, path, place)
  local stat = fs.lstat(place)
  local old, old_place = layers.find(lowers, path)
  if not old then
    return stat.type ~= "char" and "was made" or nil
  elseif stat.type == "char" and old.type ~= "char" then
    -- An overlay marks a removed path in this way.
    return "was removed"
  elseif not is_same(stat, place, old, old_place) then
    return stat.type == "dir" and old.type == "dir" and "has another mode" or "was changed"
  end
end

local function add(out, path, what)
  out[#out + 1] = { path = "/" .. path, what = what }
end

--- The changes in the temporary upper layer of an overlay.
---@param upper string
---@param lowers string[] the trees below it, the topmost first
---@param is_ours fun(path: string): boolean whether bq itself made that folder
---@return bq.Change[]
function changes.of_layer(upper, lowers, is_ours)
  local out = {}
  local function visit(path)
    for _, name in ipairs(fs.list(upper .. "/" .. path)) do
      local below = path == "" and name or path .. "/" .. name
      local stat = fs.lstat(upper .. "/" .. below)
      local what = not (stat.type == "dir" and is_ours(below)) and changed(lowers, below, upper .. "/" .. below)
      if what then
        add(out, below, what)
      end
      -- Everything in a new folder is new.
      if stat.type == "dir" and what ~= "was made" then
        visit(below)
      end
    end
  end
  visit ""
  return out
end

--- The changes in a copied root since a moment.
---@param root string
---@param since integer nanoseconds: when the copy was complete
---@param lowers string[] the trees that it is a copy of, the topmost first
---@return bq.Change[]
function changes.of_copy(root, since, lowers)
  local out = {}
  local function visit(path)
    local at = path == "" and root or root .. "/" .. path
    local names = fs.list(at)
    if fs.lstat(at).ctime >= since then
      local left = {}
      for _, name in ipairs(names) do
        left[name] = true
      end
      for name in pairs(layers.names(lowers, path == "" and "." or path)) do
        if not left[name] then
          add(out, path == "" and name or path .. "/" .. name, "was removed")
        end
      end
    end
    for _, name in ipairs(names) do
      local below = path == "" and name or path .. "/" .. name
      local stat = fs.lstat(root .. "/" .. below)
      local what = stat.ctime >= since and changed(lowers, below, root .. "/" .. below)
      if what then
        add(out, below, what)
      end
      if stat.type == "dir" and what ~= "was made" then
        visit(below)
      end
    end
  end
  visit ""
  table.sort(out, function(a, b)
    return a.path < b.path
  end)
  return out
end

return changes
