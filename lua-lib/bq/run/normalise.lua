-- Makes an output the same on every machine, after its step has ended. Modes that a user's files can have stay. Other
-- modes and capabilities move into a table of attributes. Metadata that comes from this machine is removed.
local attributes = require "bq.run.attributes"
local fs = require "bq.fs"
local hex = require "bq.hex"
local noted = require "bq.run.noted"
local paths = require "bq.paths"

local normalise = {}

local function octal(text)
  return tonumber(text, 8)
end

local SET_ID <const> = octal "6000"
local CAPABILITY <const> = "security.capability"
-- Extended attributes that a build can set. Others, such as `security.selinux`, belong to the machine.
local XATTRS <const> = { "^user%.", "^trusted%.overlay%.", "^system%.posix_acl_", "^security%.capability$" }

--- The permission bits of a file in the store: without set-id bits, and always readable by its user.
local function plain_mode(stat)
  return stat.mode & ~SET_ID | octal(stat.type == "dir" and "700" or "400")
end

--- Whether a `.la` file was made by libtool for linking with a library. The one of a plug-in is needed when the plug-in
--- is loaded.
---@param path string
---@return boolean
function normalise.is_libtool_library(path)
  local file <close> = io.open(path, "rb")
  local text = file and file:read(64 << 10) or ""
  return text:find "^# [^\n]+%.la %- a libtool library file\n" ~= nil and text:find "\nshouldnotlink=no\n" ~= nil
end

--- Removes the extended attributes of a file. Returns the value of its capabilities.
local function take_xattrs(place, path, dropped)
  local capabilities
  for name, value in pairs(fs.xattrs(place)) do
    for _, pattern in ipairs(XATTRS) do
      if name:find(pattern) then
        if name == CAPABILITY then
          capabilities = hex(value)
        else
          dropped[#dropped + 1] = ("/%s: %s"):format(path, name)
        end
        fs.remove_xattr(place, name)
        break
      end
    end
  end
  return capabilities
end

--- Normalises an output.
---@param top string the tree
---@param epoch integer the time of everything
---@param recipe table the recipe's fields for this phase; `owners` as ids
---@param notes bq.Notes of the step
---@return table<string, bq.Attribute> attributes by path
---@return string[] dropped extended attributes, each with its path
function normalise.output(top, epoch, recipe, notes)
  local is_kept, found, dropped = paths.matcher(recipe.keep), {}, {}
  local note_of = noted.finder(notes)
  local function visit(path)
    local place = path == "" and top or top .. "/" .. path
    local stat = fs.lstat(place)
    if stat.type == "file" and path:find "%.la$" and not is_kept(path) and normalise.is_libtool_library(place) then
      fs.remove(place)
      return
    end
    local note = note_of(stat) or {}
    if stat.type ~= "link" then
      local plain, mode = plain_mode(stat), stat.mode | (note.mode or 0) & SET_ID
      if plain ~= stat.mode then
        fs.chmod(place, plain)
      end
      if plain ~= mode and path ~= "" then
        found[path] = { mode = mode }
      end
    end
    local capabilities = take_xattrs(place, path, dropped) or note.capability
    if capabilities then
      found[path] = found[path] or {}
      found[path].capabilities = capabilities
    end
    if stat.type == "dir" then
      for _, name in ipairs(fs.list(place)) do
        visit(path == "" and name or path .. "/" .. name)
      end
    end
    if stat.type == "dir" or stat.type == "file" or stat.type == "link" then
      fs.utime(place, epoch)
    end
  end
  fs.chmod(top, octal "755")
  visit ""
  attributes.add(found, recipe)
  table.sort(dropped)
  return found, dropped
end

return normalise
