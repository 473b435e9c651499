-- Reads files of the disk and files inside the binary. Names of files inside the binary begin with `$/`.
local digest = require "bq.digest"
local fail = require "bq.fail"
local fs = require "bq.fs"
local host = require "bq.host"
local tables = require "bq.tables"

local files = {}

--- The content of a file, `nil` if there is none.
---@param path string
---@return string?
function files.read(path)
  if path:sub(1, 2) == "$/" then
    return host.bundled(path)
  end
  local stat = fs.stat(path)
  return stat and stat.type == "file" and fs.read(path) or nil
end

--- Prepares a Lua chunk for `load`: removes a byte order mark, and turns a `#!` line into a comment, so that line
--- numbers stay.
---@param text string
---@return string
function files.chunk(text)
  text = text:gsub("^\xEF\xBB\xBF", "")
  return text:sub(1, 1) == "#" and "--" .. text or text
end

--- The digest of a Lua chunk, by which a plan knows that it was edited.
---@param text string
---@return string
function files.chunk_digest(text)
  return digest.sha256(files.chunk(text))
end

--- The names in a folder, sorted; empty if there is none.
---@param path string
---@return string[]
function files.list(path)
  if path:sub(1, 2) ~= "$/" then
    local stat = fs.stat(path)
    return stat and stat.type == "dir" and fs.list(path) or {}
  end
  local names, seen = {}, {}
  for _, name in ipairs(host.bundle()) do
    local rest = name:sub(1, #path + 1) == path .. "/" and name:sub(#path + 2)
    local first = rest and rest:match "^[^/]+"
    if first and not seen[first] then
      seen[first] = true
      names[#names + 1] = first
    end
  end
  return names
end

--- The source and the path of a module, as `require` would load it.
---@param name string such as `bq.strategy.make`
---@param modules? string[] folders of the library; those of this run if absent
---@return string? text `nil` if there is none
---@return string? path
function files.module(name, modules)
  local stem = name:gsub("%.", "/")
  local folders = tables.copy(modules or host.module_folders)
  folders[#folders + 1] = "$/lua-lib"
  for _, folder in ipairs(folders) do
    for _, file in ipairs { stem .. ".lua", stem .. "/init.lua" } do
      local path = folder .. "/" .. file
      local text = files.read(path)
      if text then
        return files.chunk(text), path
      end
    end
  end
end

--- Resolves a path in a tree. Links are followed as if the tree were `/`.
---@param path string
---@param readlink fun(path: string): string? what a link says, `nil` if the path is none; without a leading `/`
---@return string? path without a leading `/`; `nil` if it leads in a circle
function files.follow(path, readlink)
  local at, todo, hops = {}, {}, 0
  local function add(text)
    local parts = {}
    for part in text:gmatch "[^/]+" do
      table.insert(parts, 1, part)
    end
    tables.append(todo, parts)
  end
  add(path)
  while #todo > 0 do
    local part = table.remove(todo)
    if part == ".." then
      at[#at] = nil
    elseif part ~= "." then
      at[#at + 1] = part
      local target = readlink(table.concat(at, "/"))
      if target then
        hops = hops + 1
        if hops > 40 then
          return nil
        end
        at[#at] = nil
        at = target:sub(1, 1) == "/" and {} or at
        add(target)
      end
    end
  end
  return table.concat(at, "/")
end

--- The path on the disk of a path in a root. Links are followed as if the root were `/`, so they cannot lead outside.
---@param root string
---@param path string
---@return string
function files.inside(root, path)
  local found = files.follow(path, function(name)
    return fs.readlink(root .. "/" .. name)
  end) or fail.raise(("`%s` of the root leads in a circle"):format(path))
  return found == "" and root or root .. "/" .. found
end

--- A mode from its octal text.
---@param mode string|integer? `0755`; a number stays
---@return integer?
function files.mode(mode)
  return type(mode) == "string" and tonumber(mode, 8) or mode --[[@as integer?]]
end

--- Moves a finished tree to its place, and replaces an old one. The tree is complete there, also after a power cut: the
--- content is written to the disk before the rename, and the rename before this returns.
---@param from string on the file system of `to`
---@param to string
---@param is_synced? boolean the content is on the disk already
function files.publish(from, to, is_synced)
  if not is_synced then
    fs.syncfs(from)
  end
  if fs.lstat(to) then
    fs.remove_all(to)
  end
  fs.rename(from, to)
  fs.sync(files.parent(to))
end

--- The bytes of a file, or of the files of a tree.
---@param path string
---@param stat? bq.fs.Stat of it; 0 bytes if there is none
---@return integer
function files.bytes(path, stat)
  if not stat or stat.type ~= "dir" then
    return stat and stat.size or 0
  end
  local sum = 0
  for _, entry in ipairs(fs.walk(path)) do
    sum = sum + (entry.type == "file" and entry.size or 0)
  end
  return sum
end

--- The folder of a path.
---@param path string
---@return string
function files.parent(path)
  return path:match "^(.*)/[^/]*$" or "."
end

--- The last part of a path.
---@param path string
---@return string
function files.name(path)
  return path:match "([^/]+)/*$" or path
end

return files
