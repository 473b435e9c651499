-- What a root has because of the partitions of its disk: the mount table, the mount points, the program that lets one grow.
local content = require "bq.image.content"
local disk = require "bq.image.disk"
local fail = require "bq.fail"
local files = require "bq.files"
local fs = require "bq.fs"
local tables = require "bq.tables"

local mounts = {}

local FSTAB <const> = "/etc/fstab"
-- What init runs at boot, by the order of the names.
local GROW <const> = "/etc/rcS.d/10-grow"

--- The mount table: the lines that the root has, then those of the further partitions.
local function mount_table(tree, wish)
  local old = content.read(tree, FSTAB)
  for line in (old or ""):gmatch "[^\n]+" do
    local mount = line:match "^%s*[^#%s]+%s+(%S+)"
    for _, slice in ipairs(wish.slices) do
      if slice.mount == mount then
        fail.raise(("two file systems are mounted at `%s`"):format(mount), {
          cause = ("`%s` of the root has a line of its own for it: `%s`"):format(FSTAB, line),
        })
      end
    end
  end
  if old then
    local owner = content.find(tree, FSTAB).part
    owner.leave_out = tables.append({ FSTAB }, owner.leave_out)
  end
  return (old and old:gsub("\n*$", "\n") or "") .. disk.fstab(wish)
end

--- The files as a part of the root; `nil` if there are none.
---@param root string a folder to write them to
---@param tree bq.Union the root without them; a mount table of it loses its part
---@param wish bq.image.Wish
---@param binary string where bq is in the root
---@return bq.Part?
function mounts.part(root, tree, wish, binary)
  local function write(path, text, mode)
    fs.mkdir(root .. files.parent(path))
    fs.write(root .. path, text, { mode = files.mode(mode), sync = false })
  end
  if #wish.slices > 0 then
    write(FSTAB, mount_table(tree, wish), "644")
  end
  for _, slice in ipairs(wish.slices) do
    if slice.mount and not tree.entries[slice.mount:sub(2)] then
      fs.mkdir(root .. slice.mount)
    end
  end
  if wish.grow then
    if not tree.entries[binary] then
      fail.raise("a disk that grows needs bq on it", { hint = "name one for its architecture: `--bq FILE`" })
    end
    write(GROW, ("#!/bin/sh\nexec /%s grow\n"):format(binary), "755")
  end
  return fs.stat(root) and { path = root, package = "the disk" } or nil
end

return mounts
