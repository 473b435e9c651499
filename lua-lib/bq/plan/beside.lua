-- The files that lie beside a recipe: those in a folder of its name, and its patches, in `patches/NAME-VERSION`.
local digest = require "bq.digest"
local files = require "bq.files"
local fs = require "bq.fs"
local hex = require "bq.hex"
local json = require "bq.json"

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

--- Whose patches a folder has: of `linux` and `linux-headers`, those of the longer name.
---@param folder string such as `linux-headers-6.12`
---@param names string[] of recipes
---@return string? name
function beside.owner(folder, names)
  local best
  for _, name in ipairs(names) do
    if folder:sub(1, #name + 1) == name .. "-" and #name > #(best or "") then
      best = name
    end
  end
  return best
end

--- The recipes of a folder.
---@param folder string
---@return string[] names
function beside.recipes(folder)
  local names = {}
  for _, file in ipairs(files.list(folder)) do
    names[#names + 1] = file:match "^(.+)%.lua$"
  end
  return names
end

--- The folders of patches of a recipe, whatever the version.
---@param found { name: string, folder: string }
---@return { path: string, version: string, files: string[] }[]
function beside.patch_folders(found)
  local out, names = {}, nil
  for _, folder in ipairs(files.list(found.folder .. "/patches")) do
    local may_be = folder:sub(1, #found.name + 1) == found.name .. "-"
    -- Most recipes have none, and a folder may hold thousands of recipes.
    names = names or may_be and beside.recipes(found.folder) or nil
    if may_be and beside.owner(folder, names) == found.name then
      local path = found.folder .. "/patches/" .. folder
      out[#out + 1] = { path = path, version = folder:sub(#found.name + 2), files = files.list(path) }
    end
  end
  return out
end

function beside.is_patch(name)
  return name:find "%.patch$" ~= nil
end

--- The patches for a version of a recipe, in their order.
---@param found { name: string, folder: string }
---@param version string
---@return { name: string, hex: string, sha256: string }[]
function beside.patches(found, version)
  local out = {}
  for _, folder in ipairs(beside.patch_folders(found)) do
    for _, name in ipairs(folder.version == version and folder.files or {}) do
      local text = beside.is_patch(name) and files.read(folder.path .. "/" .. name)
      if text then
        -- Patches are of any bytes, and a plan is text.
        out[#out + 1] = { name = name, hex = hex(text), sha256 = digest.sha256(text) }
      end
    end
  end
  return json.array(out)
end

--- What a recipe, its patches and the files beside it say, in one digest; `nil` if there is no such recipe.
---@param folders string[] of recipes: the first that has it wins
---@param name string
---@return string?
function beside.fingerprint(folders, name)
  for _, folder in ipairs(folders) do
    local text = files.read(("%s/%s.lua"):format(folder, name))
    if text then
      local parts, found = { text }, { name = name, folder = folder }
      for _, patches in ipairs(beside.patch_folders(found)) do
        for _, file in ipairs(patches.files) do
          local path = patches.path .. "/" .. file
          parts[#parts + 1] = path:sub(#folder + 2) .. "=" .. digest.sha256(files.read(path) or "")
        end
      end
      for _, file in ipairs(beside.all(found)) do
        parts[#parts + 1] = file.name .. "=" .. digest.sha256(file.text)
      end
      return digest.sha256(table.concat(parts, "\n"))
    end
  end
end

return beside
