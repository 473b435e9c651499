-- The files that lie beside a recipe, in a folder of its name: what they say, and nothing of what lies elsewhere.
local files = require "bq.files"
local fs = require "bq.fs"

local beside = {}

--- How deep such a folder is looked through.
local MAX_DEPTH = 20

---@param found { name: string, folder: string }
local function folder_of(found)
  return found.folder .. "/" .. found.name
end

--- Whether a path is really in a folder, its links followed.
local function is_inside(folder, path)
  if path:sub(1, 2) == "$/" then
    return true
  end
  local top = fs.realpath(folder)
  return fs.realpath(path):sub(1, #top + 1) == top .. "/"
end

--- The text of a file by the name that a recipe has for it.
---@param found bq.Recipe
---@param name string
---@return string? text
---@return string? problem
function beside.read(found, name)
  local where = ("`%s` beside the recipe"):format(found.name .. "/" .. name)
  if name:find "^/" or ("/" .. name .. "/"):find("/../", 1, true) then
    return nil, ("`%s` leads out of the folder beside the recipe"):format(name)
  end
  local path = folder_of(found) .. "/" .. name
  local text = files.read(path)
  if not text then
    return nil, "there is no file " .. where
  elseif not is_inside(folder_of(found), path) then
    return nil, ("%s is a link that leads out of its folder"):format(where)
  elseif not utf8.len(text) then
    return nil, ("%s is not UTF-8"):format(where)
  end
  return text
end

--- All files beside a recipe, those in folders too, sorted by name.
---@param found { name: string, folder: string }
---@return { name: string, text: string }[]
function beside.all(found)
  local out = {}
  local function add(folder, prefix, depth)
    for _, name in ipairs(depth <= MAX_DEPTH and files.list(folder) or {}) do
      local path = folder .. "/" .. name
      local text = files.read(path)
      if text then
        out[#out + 1] = { name = prefix .. name, text = text }
      elseif path:sub(1, 2) == "$/" or fs.lstat(path).type == "dir" then
        add(path, prefix .. name .. "/", depth + 1)
      end
    end
  end
  add(folder_of(found), "", 1)
  return out
end

return beside
