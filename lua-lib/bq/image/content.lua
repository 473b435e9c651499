-- What goes onto a disk: layers of trees and files, the later ones above, as one tree.
local digest = require "bq.digest"
local fail = require "bq.fail"
local files = require "bq.files"
local fs = require "bq.fs"

local content = {}

---@class bq.image.Layer: bq.archive.Source
---@field package? string whose files these are, for the summary

---@class bq.image.Entry
---@field type string
---@field size integer
---@field file string where it is on this machine
---@field package? string

---@class bq.image.Content
---@field entries table<string, bq.image.Entry> by path, without the first `/`
---@field count integer
---@field bytes integer

local function is_excluded(layer, path)
  for _, name in ipairs(layer.exclude or {}) do
    if path == name or path:sub(1, #name + 1) == name .. "/" then
      return true
    end
  end
  return false
end

--- What the layers are together.
---@param layers bq.image.Layer[] the later ones above
---@return bq.image.Content
function content.of(layers)
  local entries = {}
  local function add(path, kind, size, file, package)
    entries[path] = { type = kind, size = kind == "file" and size or 0, file = file, package = package }
  end
  for _, layer in ipairs(layers) do
    local stat = fs.stat(layer.path)
    if stat and stat.type == "file" then
      add(layer.prefix, "file", stat.size, layer.path, layer.package)
    else
      local prefix = layer.prefix and layer.prefix ~= "" and layer.prefix .. "/" or ""
      for _, entry in ipairs(fs.walk(layer.path)) do
        if not is_excluded(layer, entry.path) then
          add(prefix .. entry.path, entry.type, entry.size, layer.path .. "/" .. entry.path, layer.package)
        end
      end
    end
  end
  local out = { entries = entries, count = 0, bytes = 0 }
  for _, entry in pairs(entries) do
    out.count, out.bytes = out.count + 1, out.bytes + entry.size
  end
  return out
end

--- What a path leads to, links followed as if the tree were `/`; `nil` if to nothing.
---@param tree bq.image.Content
---@param path string
---@return bq.image.Entry?
function content.find(tree, path)
  local found = files.follow(path, function(name)
    local entry = tree.entries[name]
    return entry and entry.type == "link" and fs.readlink(entry.file) or nil
  end)
  return found and tree.entries[found]
end

--- Raises if there is nothing that the kernel could start.
---@param tree bq.image.Content
function content.require_init(tree)
  local init = content.find(tree, "/sbin/init")
  if not init or init.type ~= "file" then
    fail.raise("the rootfs has no `/sbin/init`", {
      cause = "the kernel starts it first, and nothing else",
      hint = "use a rootfs that has one, such as that of `--set core`, whose busybox has an init",
    })
  end
end

--- How many bytes and files each package has.
---@param tree bq.image.Content
---@return { name: string, bytes: integer, files: integer }[] # the largest first
function content.by_package(tree)
  local by_name, out = {}, {}
  for _, entry in pairs(tree.entries) do
    local name = entry.package
    if name and entry.type ~= "dir" then
      local one = by_name[name]
      if not one then
        one = { name = name, bytes = 0, files = 0 }
        by_name[name] = one
        out[#out + 1] = one
      end
      one.bytes, one.files = one.bytes + entry.size, one.files + 1
    end
  end
  table.sort(out, function(a, b)
    if a.bytes ~= b.bytes then
      return a.bytes > b.bytes
    end
    return a.name < b.name
  end)
  return out
end

--- The machine that a program is for, by its ELF header; `nil` if it is none, or for another.
---@param path string
---@return string?
function content.architecture(path)
  local file <close> = assert(io.open(path, "rb"))
  local head = file:read(20) or ""
  if #head < 20 or head:sub(1, 5) ~= "\127ELF\2" then
    return nil
  end
  return ({ [62] = "x86_64", [183] = "aarch64" })[("<I2"):unpack(head, 19)]
end

--- The digest of a file of the tree.
---@param tree bq.image.Content
---@param path string
---@return string?
function content.digest(tree, path)
  local entry = content.find(tree, path)
  return entry and digest.file(entry.file)
end

--- A file of the tree, as text; `nil` if there is none.
---@param tree bq.image.Content
---@param path string
---@return string?
function content.read(tree, path)
  local entry = content.find(tree, path)
  return entry and files.read(entry.file)
end

return content
