-- The folder of a system's own files, which is laid over its root. Owners and modes come from tables of the page: those of the
-- folder on this machine depend on who checked it out.
local attributes = require "bq.run.attributes"
local capability = require "bq.capability"
local files = require "bq.files"
local fs = require "bq.fs"
local kinds = require "bq.system.kinds"
local tables = require "bq.tables"

local overlay = {}

local OTHERS <const> = files.mode "0002"
local EXECUTABLE <const> = files.mode "0100"

---@param value any
---@param say bq.system.Say
---@param at string
local function owner(value, say, at)
  if type(value) ~= "string" or not attributes.owner(value) then
    say(at, ("is `%s`, which is not of the form `user:group`"):format(tostring(value)))
  end
end

---@param value any
---@param say bq.system.Say
---@param at string
local function capabilities(value, say, at)
  local wrong = type(value) ~= "string" and "is not a text" or select(2, capability.encode(value))
  if wrong then
    say(at, wrong)
  end
end

overlay.OWNERS = kinds.map(kinds.path, owner)
overlay.MODES = kinds.map(kinds.path, kinds.text("[0-7][0-7][0-7][0-7]?", "a mode such as 4755", 4))
overlay.CAPABILITIES = kinds.map(kinds.path, capabilities)
overlay.PATHS = kinds.list(kinds.path, "a list of paths")

--- The files of a folder as entries of a root.
---@param folder string on this machine
---@param out table<string, bq.system.File> by path; changed
---@param say bq.system.Say told of what cannot be taken
function overlay.read(folder, out, say)
  local stat = fs.stat(folder)
  if not stat or stat.type ~= "dir" then
    say("files", ("is `%s`, and there is no such folder"):format(folder))
    return
  elseif stat.mode & OTHERS ~= 0 then
    say("files", ("is `%s`, which everybody on this machine may write to"):format(folder))
    return
  end
  for _, entry in ipairs(fs.walk(folder)) do
    local path, place = "/" .. entry.path, folder .. "/" .. entry.path
    if not utf8.len(entry.path) then
      say("files", ("has a file whose name is not UTF-8: `%s`"):format((entry.path:gsub("[\128-\255]", "?"))))
    elseif entry.type ~= "link" and entry.mode & OTHERS ~= 0 then
      say("files", ("has `%s`, which everybody on this machine may write to"):format(path))
    elseif entry.type == "dir" then
      out[path] = { folder = true }
    elseif entry.type == "link" then
      out[path] = { link = fs.readlink(place) }
    elseif entry.type == "file" then
      out[path] = { copy = place, mode = entry.mode & EXECUTABLE ~= 0 and "0755" or "0644" }
    else
      say("files", ("has `%s`, which is a %s"):format(path, entry.type))
    end
  end
end

--- The ids of an owner that a page names.
---@param at string the field
---@param text string `user:group`
---@param all bq.system.Accounts
---@param say bq.system.Say
---@return integer? uid
---@return integer? gid
function overlay.owner_ids(at, text, all, say)
  local user, group = attributes.owner(text)
  local uid = math.tointeger(tonumber(user)) or all.users[user] and all.users[user].uid
  local gid = math.tointeger(tonumber(group)) or all.groups[group]
  if not uid then
    say(at, ("is `%s`, and there is no user `%s`"):format(text, user))
  elseif not gid then
    say(at, ("is `%s`, and there is no group `%s`"):format(text, group))
  end
  return uid, gid
end

--- Names the paths that are both in the folder and written by the settings of the system.
---@param own table<string, bq.system.File> of the folder
---@param settings table<string, bq.system.File>
---@param say bq.system.Say
function overlay.clashes(own, settings, say)
  for path, one in tables.sorted(own) do
    local other = settings[path]
    if other and not (one.folder and other.folder) then
      say("files", ("has `%s`, which the settings of the system write"):format(path))
    end
  end
end

return overlay
