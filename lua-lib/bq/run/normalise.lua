-- Makes an output the same on every machine, once its step has ended: what the step's tree can hold stays in it, what it cannot
-- is taken into a table of attributes, and what comes from this machine alone goes.
local attributes = require "bq.run.attributes"
local fs = require "bq.fs"
local paths = require "bq.paths"

local normalise = {}

local function octal(text)
  return tonumber(text, 8)
end

local SET_ID <const> = octal "6000"
local CAPABILITY <const> = "security.capability"
-- What a build can have set; other names (`security.selinux`) belong to the machine.
local XATTRS <const> = { "^user%.", "^trusted%.overlay%.", "^system%.posix_acl_", "^security%.capability$" }

--- The permission bits with which a file can lie in a folder of its user: no set-id bits, and never so few that it cannot be
--- read.
local function plain_mode(stat)
  return stat.mode & ~SET_ID | octal(stat.type == "dir" and "700" or "400")
end

--- Whether a file is what libtool leaves beside a library, to link with it. What belongs to a plug-in is read when it is loaded.
---@param path string
---@return boolean
function normalise.is_libtool_library(path)
  local file <close> = io.open(path, "rb")
  local text = file and file:read(64 << 10) or ""
  return text:find "^# [^\n]+%.la %- a libtool library file\n" ~= nil and text:find "\nshouldnotlink=no\n" ~= nil
end

local function hex(bytes)
  return (bytes:gsub(".", function(byte)
    return ("%02x"):format(byte:byte())
  end))
end

--- Takes the extended attributes off a file: of a capability the value is returned.
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
---@return table<string, bq.Attribute> attributes by path
---@return string[] dropped extended attributes, each with its path
function normalise.output(top, epoch, recipe)
  local is_kept, found, dropped = paths.matcher(recipe.keep), {}, {}
  local function visit(path)
    local place = path == "" and top or top .. "/" .. path
    local stat = fs.lstat(place)
    if stat.type == "file" and path:find "%.la$" and not is_kept(path) and normalise.is_libtool_library(place) then
      fs.remove(place)
      return
    end
    local plain = stat.type ~= "link" and plain_mode(stat)
    if plain and plain ~= stat.mode then
      fs.chmod(place, plain)
      if path ~= "" then
        found[path] = { mode = stat.mode }
      end
    end
    local capabilities = take_xattrs(place, path, dropped)
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
