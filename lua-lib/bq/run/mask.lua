-- A staged root as its seed. Staging adds bq, its library, the workspace and some folders to the seed's tree. They are in
-- no key, so steps must not see them.
local fail = require "bq.fail"
local files = require "bq.files"
local fs = require "bq.fs"
local syscall = require "bq.syscall"
local workspace = require "bq.workspace"

local mask = {}

-- Folders that a step's root has mounts at. In a plain chroot, they hold files of the machine.
local MOUNTED <const> = { dev = true, proc = true, sys = true, tmp = true }

--- All that a pattern stands for. Only the last part of a pattern can have a `*`.
local function each(root, pattern, add)
  local folder = files.inside(root, files.parent(pattern))
  local name = files.name(pattern)
  if not name:find("*", 1, true) then
    add(folder .. "/" .. name)
    return
  end
  local like = "^" .. name:gsub("%p", "%%%0"):gsub("%%%*", ".*") .. "$"
  for _, found in ipairs(files.list(folder)) do
    if found:find(like) then
      add(folder .. "/" .. found)
    end
  end
end

--- The paths of a staged root that are not of its seed. What is below such a path is not of it either.
---@param root string
---@return string[] paths sorted, without a leading `/`
local function added(root)
  local staged = workspace.staged(root)
  if not (staged and staged.made) then
    fail.raise("the rootfs was staged by another version of bq", {
      hint = "stage it again: `bq scripts/build_sysroot.lua`",
    })
  end
  local seen, paths = {}, {}
  local function add(path)
    local rest = path:sub(#root + 1):gsub("^/+", "")
    if not seen[rest] and fs.lstat(path) then
      seen[rest] = true
      paths[#paths + 1] = rest
    end
  end
  for _, pattern in ipairs(workspace.ADDED) do
    each(root, pattern, add)
  end
  for _, path in ipairs(staged.made) do
    each(root, path, add)
  end
  table.sort(paths)
  return paths
end

--- Whether a path, or a folder above it, is in a set.
local function is_below(set, path)
  while path ~= "." do
    if set[path] then
      return true
    end
    path = files.parent(path)
  end
  return false
end

--- The topmost paths of a staged root that are not of its seed.
---@param root string
---@return string[] paths sorted, without a leading `/`
function mask.paths(root)
  local set, out = {}, {}
  for _, path in ipairs(added(root)) do
    if not is_below(set, path) then
      set[path] = true
      out[#out + 1] = path
    end
  end
  return out
end

--- Marks a path as removed. A file system that is an overlay itself refuses the mark of overlays. Roots on it are made by
--- copying, and `bq.run.layers` knows the other mark too.
---@return boolean of_overlay
local function mark(path)
  local ok, err = pcall(syscall.mknod, { path = path, type = "char", mode = 0 })
  if not ok and err.code ~= "EPERM" then
    error(err, 0)
  elseif not ok then
    syscall.mknod { path = path, type = "fifo", mode = 0 }
  end
  return ok
end

--- Makes a layer for an overlay that hides what a staged root has and its seed has not.
---@param root string the staged root, the next layer below
---@param basics string the lowest tree; its folders stay
---@param target string an empty folder
---@param time integer of the layer's folders: staging changed the times of those in the root
---@return boolean usable whether an overlay can have the layer
function mask.make(root, basics, target, time)
  local folders, hidden, usable = {}, {}, true
  local function make(path, mode)
    if path ~= "." and not folders[path] then
      make(files.parent(path), nil)
      fs.mkdir(target .. "/" .. path)
      fs.chmod(target .. "/" .. path, mode or fs.stat(root .. "/" .. path).mode)
      folders[path] = true
    end
  end
  for _, path in ipairs(added(root)) do
    if not is_below(hidden, path) then
      local basic = fs.lstat(basics .. "/" .. path)
      if basic and basic.type == "dir" then
        make(path, basic.mode)
      else
        make(files.parent(path))
        hidden[path] = true
        usable = mark(target .. "/" .. path) and usable
      end
    end
  end
  for path in pairs(folders) do
    fs.utime(target .. "/" .. path, time)
  end
  return usable
end

--- Mounts the seed of a staged root at a folder, read-only and without an overlay: folders are made where something in them
--- is hidden, and everything else is bound.
---@param root string a mount of the staged root without what is mounted in it
---@param place string
---@param time integer of the folders that are made
function mask.mount(root, place, time)
  local hidden, divided = {}, {}
  for _, path in ipairs(mask.paths(root)) do
    hidden[path] = true
    while path ~= "." do
      path = files.parent(path)
      divided[path] = true
    end
  end
  syscall.mount { source = "tmpfs", target = place, type = "tmpfs", data = "mode=755" }
  local function bind(from, to)
    syscall.mount { source = from, target = to, flags = { "bind" } }
  end
  local function fill(folder)
    for _, name in ipairs(MOUNTED[folder] and {} or fs.list(root .. "/" .. folder)) do
      local path = folder == "." and name or folder .. "/" .. name
      local from, to = root .. "/" .. path, place .. "/" .. path
      local stat = fs.lstat(from)
      if hidden[path] then
        goto continue
      elseif stat.type == "link" then
        fs.symlink(fs.readlink(from), to)
        fs.utime(to, stat.mtime)
      elseif stat.type == "file" then
        fs.append(to, "")
        bind(from, to)
      elseif stat.type == "dir" then
        fs.mkdir(to)
        if divided[path] or MOUNTED[path] then
          fs.chmod(to, stat.mode)
          fill(path)
          fs.utime(to, time)
        else
          bind(from, to)
        end
      end
      ::continue::
    end
  end
  fill "."
  fs.utime(place, time)
  syscall.mount_setattr(place, { "rdonly" }, { recursive = true })
end

return mask
