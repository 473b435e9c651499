-- The root of a step: its phase's base and the outputs of what it depends on, below a layer that is thrown away.
local fail = require "bq.fail"
local fs = require "bq.fs"
local log = require "bq.log"
local preflight = require "bq.preflight"
local syscall = require "bq.syscall"
local workspace = require "bq.workspace"

local step_root = {}

--- The fixed places inside: builds see the same paths on every machine.
step_root.SOURCE = "/bq/src"
step_root.BUILD = "/bq/build"
step_root.DEST = "/bq/dest"
step_root.HOME = "/bq/home"

-- Folders that have to be there to be mounted on.
local PLACES = { "proc", "dev", "sys", "tmp", "bq/src", "bq/build", "bq/dest", "bq/home" }

---@class bq.StepRoot
---@field folder string the step's folder in `build/`
---@field lowers string[] trees, the topmost first
---@field seed_at? string

--- Empties a step's folder and makes what is in it.
---@param folder string
function step_root.clean(folder)
  fs.remove_all(folder)
  for _, name in ipairs { "upper", "work", "root", "src", "build", "home", "lower", "empty", "entry/output" } do
    fs.mkdir(folder .. "/" .. name)
  end
end

local function copy_lowers(lowers)
  log.warn "this kernel or file system refuses overlays: the root is made by copying, which takes time and room"
  for index = #lowers, 1, -1 do
    local lower = lowers[index]
    for _, name in ipairs(fs.list(lower)) do
      if not (lower == "/" and ({ proc = 1, dev = 1, sys = 1, tmp = 1, run = 1, bq = 1 })[name]) then
        fs.copy(lower .. "/" .. name, "root/" .. name, { merge = true, skip = lower == "/" and { workspace.INSIDE } or nil })
      end
    end
  end
end

--- Mounts the root at `root/` in the step's folder; called in the step's own mount namespace.
---@param root bq.StepRoot
function step_root.mount(root)
  syscall.chdir(root.folder)
  local names = {}
  for index, lower in ipairs(root.lowers) do
    -- Short names: the kernel takes at most a page of options.
    local name = "lower/" .. index
    if not fs.lstat(name) then
      fs.symlink(lower, name)
    end
    names[index] = name
  end
  -- An overlay wants at least one layer below; a root that rests on nothing has an empty one.
  names[#names + 1] = "empty"
  local ok, err = pcall(syscall.mount, {
    source = "overlay",
    target = "root",
    type = "overlay",
    -- Without `userxattr` a user's overlay cannot remove folders of a lower layer.
    data = ("lowerdir=%s,upperdir=upper,workdir=work,userxattr"):format(table.concat(names, ":")),
  })
  if not ok then
    if err.code ~= "EINVAL" and err.code ~= "ENODEV" and err.code ~= "EOPNOTSUPP" then
      fail.raise("cannot mount the step's root", { cause = err, hint = preflight.hint("overlay", err) })
    end
    copy_lowers(root.lowers)
    syscall.mount { source = "root", target = "root", flags = { "bind" } }
  end
  for _, place in ipairs(PLACES) do
    local path = "root/" .. place
    local stat = fs.lstat(path)
    if not stat then
      fs.mkdir(path)
    end
  end
  -- What lies in a plain chroot's own /var/lib/bq is no business of a step.
  local private = "root" .. workspace.INSIDE
  if fs.stat(private) then
    syscall.mount { source = "tmpfs", target = private, type = "tmpfs", data = "mode=755,size=4k" }
  end
  if root.seed_at then
    local place = "root" .. root.seed_at
    fs.mkdir(place)
    syscall.mount { source = "/", target = place, flags = { "bind" } }
    if fs.stat(place .. workspace.INSIDE) then
      syscall.mount { source = "tmpfs", target = place .. workspace.INSIDE, type = "tmpfs", data = "mode=755,size=4k" }
    end
    syscall.mount_setattr(place, { "rdonly" }, { recursive = true })
  end
end

--- What is bound into the root: the step's own folders, on the workspace's file system.
---@param folder string
---@return bq.Bind[]
function step_root.binds(folder)
  return {
    { source = folder .. "/src", target = step_root.SOURCE },
    { source = folder .. "/build", target = step_root.BUILD },
    { source = folder .. "/entry/output", target = step_root.DEST },
    { source = folder .. "/home", target = step_root.HOME },
  }
end

--- A sandbox for a step's root.
---@param root bq.StepRoot
---@param more table further fields of the sandbox
---@return bq.Sandbox
function step_root.sandbox(root, more)
  local sandbox = {
    root = root.folder .. "/root",
    prepare = function()
      step_root.mount(root)
    end,
    binds = step_root.binds(root.folder),
    confined = true,
  }
  for key, value in pairs(more) do
    sandbox[key] = value
  end
  return sandbox
end

return step_root
