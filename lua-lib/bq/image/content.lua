-- Questions about the content of a disk, which is a union of parts (`bq.stage.union`).
local digest = require "bq.digest"
local fail = require "bq.fail"
local files = require "bq.files"
local fs = require "bq.fs"

local content = {}

--- The entry that a path leads to. Links are followed as if the tree were `/`. `nil` if there is none.
---@param tree bq.Union
---@param path string
---@return bq.Placed?
function content.find(tree, path)
  local found = files.follow(path, function(name)
    local entry = tree.entries[name]
    return entry and entry.type == "link" and fs.readlink(entry.file) or nil
  end)
  return found and tree.entries[found]
end

--- Raises if there is no program that the kernel could start.
---@param tree bq.Union
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
---@param tree bq.Union
---@return { name: string, bytes: integer, files: integer }[] # the largest first
function content.by_package(tree)
  local by_name, out = {}, {}
  for _, entry in pairs(tree.entries) do
    local name = entry.part.package
    if entry.type ~= "dir" then
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

--- The digest of a file of the tree.
---@param tree bq.Union
---@param path string
---@return string?
function content.digest(tree, path)
  local entry = content.find(tree, path)
  return entry and digest.file(entry.file)
end

--- A file of the tree, as text; `nil` if there is none.
---@param tree bq.Union
---@param path string
---@return string?
function content.read(tree, path)
  local entry = content.find(tree, path)
  return entry and files.read(entry.file)
end

return content
