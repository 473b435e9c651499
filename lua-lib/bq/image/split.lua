-- Parts of a root that go onto file systems of their own.
local fail = require "bq.fail"
local fs = require "bq.fs"
local tables = require "bq.tables"

local split = {}

--- The rest of a path below a folder; `nil` if it is not below it. Everything is below the empty path.
local function rest(path, folder)
  if folder == "" then
    return path ~= "" and path or nil
  end
  return path:sub(1, #folder + 1) == folder .. "/" and path:sub(#folder + 2) or nil
end

--- A source as seen from a folder of the root; `nil` if it has nothing below it.
---@param source bq.archive.Source
---@param folder string
---@return bq.archive.Source?
local function below(source, folder)
  local prefix, stat = source.prefix or "", fs.stat(source.path)
  local inside = rest(prefix, folder)
  if inside or prefix == folder then
    return { path = source.path, prefix = inside or "", mode = source.mode, exclude = source.exclude }
  end
  local name = rest(folder, prefix)
  if not name or not stat or stat.type ~= "dir" then
    return nil
  end
  local path = source.path .. "/" .. name
  local found = fs.lstat(path)
  if not found or found.type ~= "dir" then
    return nil
  end
  local exclude = {}
  for _, one in ipairs(source.exclude or {}) do
    if one == name or rest(name, one) then
      return nil
    end
    exclude[#exclude + 1] = rest(one, name)
  end
  return { path = path, prefix = "", exclude = exclude }
end

--- A source without what is below a folder of the root; `nil` if it is all below it.
local function without(source, folder)
  local prefix = source.prefix or ""
  if prefix == folder or rest(prefix, folder) then
    return nil
  end
  local name = rest(folder, prefix)
  if not name then
    return source
  end
  local exclude = tables.append({ name .. "/*" }, source.exclude)
  return { path = source.path, prefix = source.prefix, mode = source.mode, exclude = exclude }
end

--- The folder of its own that a path belongs to: the deepest that it is below.
local function home(path, folders)
  local found = ""
  for _, folder in ipairs(folders) do
    found = rest(path, folder) and #folder > #found and folder or found
  end
  return found
end

--- Raises if a folder is something else, or is reached by a link.
local function refuse(tree, folder)
  local path = ""
  for part in folder:gmatch "[^/]+" do
    path = path == "" and part or path .. "/" .. part
    local entry = tree.entries[path]
    if entry and entry.type ~= "dir" then
      fail.raise(("`/%s` cannot be a partition"):format(folder), {
        cause = ("`/%s` is a %s of `%s`"):format(path, entry.type, entry.part.package),
        hint = "a partition is mounted at a folder, which no link leads to",
      })
    end
  end
end

--- Splits a root. The folders themselves stay in it, empty; their owners and modes are also those of the new tops.
---@param tree bq.Union
---@param folders string[] of the root, without the first `/`
---@return table<string, bq.Union> # by folder; the root's is `""`
function split.at(tree, folders)
  local out, order = {}, tables.append({ "" }, folders)
  for _, folder in ipairs(order) do
    refuse(tree, folder)
    local sources = {}
    for _, source in ipairs(tree.sources) do
      local one = folder == "" and source or below(source, folder)
      for _, other in ipairs(folders) do
        local inner = one and rest(other, folder)
        one = inner and without(one, inner) or not inner and one or nil
      end
      sources[#sources + 1] = one
    end
    out[folder] = { entries = {}, attributes = {}, sources = sources, skip = {}, count = 0, bytes = 0 }
  end
  for path, entry in pairs(tree.entries) do
    local folder = home(path, folders)
    local one, name = out[folder], rest(path, folder) or path
    one.entries[name], one.attributes[name] = entry, tree.attributes[path]
    one.count, one.bytes = one.count + 1, one.bytes + entry.size
  end
  for _, folder in ipairs(folders) do
    local entry = tree.entries[folder]
    local said = tree.attributes[folder] or {}
    -- A folder that only a prefix names has no entry.
    out[folder].attributes["."] =
      { uid = said.uid, gid = said.gid, mode = said.mode or entry and entry.mode or tonumber("755", 8) }
  end
  return out
end

return split
