-- The attributes of an output: metadata that its tree in the store cannot have, since an ordinary user owns the store.
-- Owners and capabilities come from the recipe; set-id bits from the installed files or from the recipe.
local capability = require "bq.capability"
local fail = require "bq.fail"
local paths = require "bq.paths"

local attributes = {}

---@alias bq.Attribute bq.archive.Attribute

-- The largest id that a file can have; the one above means "no id".
local MAX_ID <const> = 4294967294

--- Splits an owner as recipes write it (`mail`, `root:mail` or `0:8`) into user and group.
---@param text string
---@return string? user
---@return string? group
function attributes.owner(text)
  local user, group = text:match "^([%w_][%w_.-]*):([%w_][%w_.-]*)$"
  if user then
    return user, group
  end
  user = text:match "^[%w_][%w_.-]*$"
  return user, user and "0"
end

--- The ids by name of a file such as `/etc/passwd`.
---@param text? string
---@return table<string, integer>
function attributes.accounts(text)
  local ids = {}
  for line in (text or ""):gmatch "[^\n]+" do
    local name, id = line:match "^([^:]+):[^:]*:(%d+):"
    if name and not ids[name] then
      ids[name] = math.tointeger(tonumber(id))
    end
  end
  return ids
end

--- The owners that a recipe names, as ids.
---@param owners? table<string, string>
---@param known { users: table<string, integer>, groups: table<string, integer> }
---@return table<string, { uid: integer, gid: integer }> by path
function attributes.owners(owners, known)
  local out = {}
  local function id(name, ids, kind, path)
    local number = name:find "^%d+$" and math.tointeger(tonumber(name)) or ids[name]
    if not number or number > MAX_ID then
      fail.raise(("`owners` gives `%s` to %s `%s`, which the root does not have"):format(path, kind, name), {
        hint = 'give its number: `owners = { ["/var/mail"] = "0:8" }`',
      })
    end
    return number
  end
  for path, text in pairs(owners or {}) do
    local user, group = attributes.owner(text)
    out[path] = { uid = id(user, known.users, "user", path), gid = id(group, known.groups, "group", path) }
  end
  return out
end

--- Adds a recipe's attributes to those of the installed files. The recipe wins.
---@param found table<string, bq.Attribute> by path, relative to the output; changed
---@param recipe { owners?: table<string, { uid: integer, gid: integer }>, modes?: table<string, string>, capabilities?: table<string, string> }
function attributes.add(found, recipe)
  local function at(path)
    local name = paths.relative(path)
    found[name] = found[name] or {}
    return found[name]
  end
  for path, owner in pairs(recipe.owners or {}) do
    local one = at(path)
    one.uid, one.gid = owner.uid, owner.gid
  end
  for path, mode in pairs(recipe.modes or {}) do
    at(path).mode = tonumber(mode, 8)
  end
  for path, text in pairs(recipe.capabilities or {}) do
    at(path).capabilities = assert(capability.encode(text))
  end
end

return attributes
