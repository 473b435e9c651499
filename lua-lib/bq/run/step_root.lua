-- The root of a step: the base of its phase and the outputs of its dependencies, below a layer that is thrown away.
local changes = require "bq.run.changes"
local emulated = require "bq.run.emulated"
local fail = require "bq.fail"
local files = require "bq.files"
local fs = require "bq.fs"
local hint = require "bq.hint"
local job = require "bq.run.job"
local log = require "bq.log"
local mask = require "bq.run.mask"
local syscall = require "bq.syscall"
local tables = require "bq.tables"

local step_root = {}

--- The fixed places inside: builds see the same paths on every machine.
step_root.SOURCE = "/bq/src"
step_root.BUILD = "/bq/build"
step_root.DEST = "/bq/dest"
step_root.HOME = "/bq/home"
--- A folder with the usual names of the compiler and its tools. It is the last in PATH.
step_root.TOOLS = "/bq/bin"

-- This file in a step's folder marks that `root/` is a full copy. A shell in the root of a failed step then uses the
-- copy as the step left it.
local COPIED <const> = job.names.copied
local BASICS <const> = job.names.basics
local MASK <const> = job.names.mask
-- The tree of the seed, with what staging added to it.
local STAGED <const> = "/"
-- A temporary mount point for the staged root alone, without what is mounted in it.
local VIEW <const> = "view"
local SINCE <const> = job.names.since
-- The folders that were made as mount points, for the few roots that have links at these places.
local MADE <const> = job.names.made

-- Folders that have to exist as mount points.
local PLACES = { "proc", "dev", "sys", "tmp", "bq/src", "bq/build", "bq/dest", "bq/home" }

-- Folders that everybody may write to. A step may leave files there; they are thrown away.
local STICKY <const> = { "tmp", "var/tmp" }
-- Files of every root, unless a tree above has the same path.
local FILES <const> = {
  ["etc/hosts"] = "127.0.0.1 localhost bq\n::1 localhost\n",
  ["etc/passwd"] = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
  ["etc/group"] = "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n",
}
-- The usual names, by the plan's variables that name the programs.
-- stylua: ignore
local TOOL_NAMES <const> = {
  CC = "cc", CXX = "c++", AR = "ar", LD = "ld", NM = "nm", OBJCOPY = "objcopy", OBJDUMP = "objdump", RANLIB = "ranlib",
  READELF = "readelf", STRIP = "strip",
}

---@class bq.StepRoot
---@field folder string the step's folder in `build/`
---@field lowers string[] trees, the topmost first
---@field seed_at? string
---@field epoch? integer the time of what bq itself makes in the root; 0 if absent
---@field machine? string the architecture of what runs in it, if that is not this machine's
---@field env? table<string, string> of the step; it names the compiler and its tools
---@field output? string the output of a step that is done, which is no longer in the folder; it is not written to

-- Errors of mount(2) if the kernel or the workspace's file system does not support the overlay.
local REFUSED = { EINVAL = 1, ENODEV = 1, ENOSYS = 1, EOPNOTSUPP = 1, EPERM = 1 }

--- In a plain chroot the workspace is below `/`, and the kernel refuses layers that contain each other. A separate
--- overlay of `/` counts as another tree.
---@return string
local function set_apart()
  syscall.mount { source = "tmpfs", target = "empty", type = "tmpfs", data = "mode=755" }
  fs.mkdir "empty/none"
  fs.mkdir "empty/base"
  -- An overlay without an upper layer needs two lower layers.
  syscall.mount { source = "base", target = "empty/base", type = "overlay", data = "lowerdir=/:empty/none,userxattr" }
  return "empty/base"
end

--- Mounts an overlay of the given layers at `root/`; `false` if overlays are not supported.
local function mount_overlay(lowers)
  local ok, err = pcall(syscall.mount, {
    source = "overlay",
    target = "root",
    type = "overlay",
    -- Without `userxattr` a user's overlay cannot remove folders of a lower layer.
    data = ("lowerdir=%s,upperdir=upper,workdir=work,userxattr"):format(table.concat(lowers, ":")),
  })
  if not ok and err.code == "ELOOP" and not lowers.apart then
    local again = { apart = true }
    for index, lower in ipairs(lowers) do
      again[index] = fs.readlink(lower) == STAGED and set_apart() or lower
    end
    return mount_overlay(again)
  end
  if not ok and not REFUSED[err.code] then
    fail.raise("cannot mount the step's root", { cause = err, hint = hint.of("overlay", err) })
  end
  return ok
end

--- Calls a function with a mount of the staged root that shows nothing of what is mounted in it.
---@param body fun(view: string)
local function with_view(body)
  local view = fs.cwd() .. "/" .. VIEW
  fs.mkdir(view)
  syscall.mount { source = STAGED, target = view, flags = { "bind" } }
  body(view)
  syscall.umount(view, { "detach" })
end

--- Makes `root/` as a copy of the tree that an overlay would show.
local function copy_lowers(lowers)
  log.warn "this kernel or file system refuses overlays: the root is made by copying, which takes time and room"
  fs.copy(BASICS, "root", { merge = true })
  for index = #lowers, 1, -1 do
    if lowers[index] == STAGED then
      with_view(function(view)
        -- In a plain chroot these may hold devices and sockets. They are mounted over in the step's root.
        local skip = { view .. "/dev", view .. "/tmp" }
        for _, path in ipairs(mask.paths(STAGED)) do
          skip[#skip + 1] = view .. "/" .. path
        end
        fs.copy(view, "root", { merge = true, skip = skip })
      end)
    else
      fs.copy(lowers[index], "root", { merge = true })
    end
  end
  for _, entry in ipairs(fs.walk(MASK)) do
    local path = "root/" .. entry.path
    local stat = entry.type == "dir" and fs.lstat(path)
    if stat and stat.type == "dir" then
      fs.utime(path, entry.mtime)
    end
  end
  -- The mode of an overlay's top folder comes from its topmost layer, which is the temporary one.
  fs.chmod("root", fs.stat("upper").mode)
  fs.write(COPIED, "", { sync = false })
end

--- Makes the lowest tree.
local function make_basics(root)
  local function write(path, text, mode)
    fs.mkdir(BASICS .. "/" .. files.parent(path))
    fs.write(BASICS .. "/" .. path, text, { mode = files.mode(mode), sync = false })
  end
  for _, place in ipairs(PLACES) do
    fs.mkdir(BASICS .. "/" .. place)
  end
  if root.seed_at then
    fs.mkdir(BASICS .. root.seed_at)
  end
  for _, place in ipairs(STICKY) do
    fs.mkdir(BASICS .. "/" .. place)
    fs.chmod(BASICS .. "/" .. place, files.mode "1777")
  end
  for path, text in pairs(FILES) do
    write(path, text, "644")
  end
  for variable, name in pairs(TOOL_NAMES) do
    local command = (root.env or {})[variable]
    -- A command of the same name would start itself.
    if command and command:match "%S+" ~= name then
      write(("%s/%s"):format(step_root.TOOLS:sub(2), name), ('#!/bin/sh\nexec %s "$@"\n'):format(command), "755")
    end
  end
  for _, entry in ipairs(fs.walk(BASICS)) do
    fs.utime(BASICS .. "/" .. entry.path, root.epoch or 0)
  end
end

--- The layers of a root below the temporary one, the topmost first: names of trees, and where they are.
---@return string[]
local function layered(lowers, masked, basics)
  local out = {}
  for _, lower in ipairs(lowers) do
    if lower == STAGED then
      out[#out + 1] = masked
    end
    out[#out + 1] = lower
  end
  out[#out + 1] = basics
  return out
end

--- Records the time when a copied root is complete. All files of the copy are older.
local function note_since()
  local function now()
    fs.write(SINCE, "", { sync = false })
    return fs.stat(SINCE).ctime
  end
  local before, moment = now(), nil
  repeat
    moment = now()
  until moment > before
  fs.write(SINCE, tostring(moment), { sync = false })
end

--- The root of a job.
---@param one bq.Job
---@param env table<string, string> of the step
---@return bq.StepRoot
function step_root.of(one, env)
  local root = { folder = one.folder, lowers = one.lowers, seed_at = one.seed_at, epoch = one.epoch, env = env }
  root.machine = emulated.machine(one)
  return root
end

--- All trees of a step's root, the topmost first, without the temporary layer.
---@param root bq.StepRoot
---@return string[]
function step_root.trees(root)
  local at = job.paths(root.folder)
  return layered(root.lowers, at.mask, at.basics)
end

--- The changes that a step made in its root outside of its own folders. Called after the step has ended.
---@param root bq.StepRoot
---@return bq.Change[]
function step_root.changes(root)
  local at, lowers = job.paths(root.folder), step_root.trees(root)
  if fs.lstat(at.copied) then
    return changes.of_copy(at.root, math.tointeger(tonumber(fs.read(at.since))) or 0, lowers)
  end
  local made = files.read(at.made) or ""
  return changes.of_layer(at.upper, lowers, function(path)
    return made:find("\n" .. path .. "/", 1, true) ~= nil
  end)
end

--- Mounts the root at `root/` in the step's folder; called in the step's own mount namespace.
---@param root bq.StepRoot
function step_root.mount(root)
  syscall.chdir(root.folder)
  make_basics(root)
  local usable = true
  if tables.contains(root.lowers, STAGED) and #fs.list(MASK) == 0 then
    usable = mask.make(STAGED, BASICS, MASK, root.epoch or 0)
  end
  local names = layered(root.lowers, MASK, BASICS)
  for index, lower in ipairs(names) do
    -- Short names: the kernel takes at most a page of options.
    local name = "lower/" .. index
    if lower ~= MASK and lower ~= BASICS then
      if not fs.lstat(name) then
        fs.symlink(lower, name)
      end
      names[index] = name
    end
  end
  if fs.stat(COPIED) or not usable or not mount_overlay(names) then
    if not fs.stat(COPIED) then
      fail.wrap("cannot copy the step's root", nil, copy_lowers, root.lowers)
    end
    syscall.mount { source = "root", target = "root", flags = { "bind" } }
  end
  -- A link in an earlier output is followed inside the root, so it cannot lead outside.
  local made = "\n"
  for _, place in ipairs(PLACES) do
    local path = files.inside("root", files.parent(place)) .. "/" .. files.name(place)
    if not fs.lstat(path) then
      fs.mkdir(path)
      made = made .. path:sub(#"root/" + 1) .. "/\n"
    end
  end
  if root.seed_at then
    local place = files.inside("root", root.seed_at)
    if not fs.lstat(place) then
      fs.mkdir(place)
      made = made .. place:sub(#"root/" + 1) .. "/\n"
    end
    with_view(function(view)
      mask.mount(view, place, root.epoch or 0)
    end)
  end
  fs.write(MADE, made, { sync = false })
  if fs.stat(COPIED) and not fs.stat(SINCE) then
    note_since()
  end
end

--- The binds into the root: the step's own folders, on the workspace's file system.
---@param root bq.StepRoot
---@return bq.Bind[]
local function binds(root)
  local at = job.paths(root.folder)
  return {
    { source = at.src, target = step_root.SOURCE },
    { source = at.build, target = step_root.BUILD },
    { source = root.output or at.output, target = step_root.DEST, readonly = root.output ~= nil },
    { source = at.home, target = step_root.HOME },
  }
end

--- A sandbox for a step's root.
---@param root bq.StepRoot
---@param more table further fields of the sandbox
---@return bq.Sandbox
function step_root.sandbox(root, more)
  local sandbox = {
    root = job.paths(root.folder).root,
    prepare = function()
      step_root.mount(root)
    end,
    binds = tables.append(binds(root), { root.machine and emulated.cpuinfo(root) }),
    confined = true,
    answer_ids = true,
    machine = root.machine,
  }
  for key, value in pairs(more) do
    sandbox[key] = value
  end
  return sandbox
end

return step_root
