-- Tries what a build does with namespaces, in a process of its own, and tells how far it came.
local fs = require "bq.fs"
local json = require "bq.json"
local preflight = require "bq.preflight"
local process = require "bq.process"
local syscall = require "bq.syscall"

-- Run in children: each line is a thing to try, in this order; the first that fails ends it.
local function attempt(folder, note)
  local uid, gid = syscall.geteuid(), syscall.getegid()
  local own = true
  for _, name in ipairs(syscall.capabilities()) do
    own = own and name ~= "sys_admin"
  end
  note("unshare", syscall.unshare, own and { "user", "mount", "pid", "ipc", "uts", "net" } or { "mount", "pid", "ipc", "uts", "net" })
  if own then
    note("map", syscall.write_proc_self_map, { outer_uid = uid, outer_gid = gid })
  end
  local child = process.fork()
  if child ~= 0 then
    return process.reap(child).code or 1
  end
  note("mount", syscall.mount, { target = "/", flags = { "rec", "private" } })
  note("mount", syscall.mount, { source = "tmpfs", target = folder, type = "tmpfs", data = "mode=755" })
  for _, name in ipairs { "lower", "upper", "work", "root", "proc" } do
    fs.mkdir(folder .. "/" .. name)
  end
  fs.write(folder .. "/null", "", { sync = false })
  note("mount", syscall.mount, { source = "proc", target = folder .. "/proc", type = "proc" })
  local null = note("open_tree", syscall.open_tree, "/dev/null")
  note("move_mount", syscall.move_mount, null, folder .. "/null")
  note("dev", fs.append, folder .. "/null", "")
  note("mount_setattr", syscall.mount_setattr, folder .. "/null", { "rdonly" })
  note("overlay", syscall.mount, {
    source = "overlay",
    target = folder .. "/root",
    type = "overlay",
    data = ("lowerdir=%s/lower,upperdir=%s/upper,workdir=%s/work,userxattr"):format(folder, folder, folder),
  })
  return 0
end

local WHAT = {
  unshare = "user, mount, pid, ipc, uts and net namespaces",
  map = "the map of the user's id",
  mount = "mounts in a namespace",
  open_tree = "open_tree(2)",
  move_mount = "move_mount(2)",
  mount_setattr = "mount_setattr(2)",
  dev = "devices in a namespace",
  overlay = "overlay mounts in a namespace",
}

--- Findings about namespaces, tried in a new folder below `parent`.
---@param parent string
---@return bq.Finding[]
local function probe(parent)
  local folder = fs.mkdtemp(parent .. "/.probe-")
  -- On the workspace's own file system: the tmpfs hides the folder from the children.
  local result = folder .. ".json"
  local child = process.fork()
  if child == 0 then
    local current
    local ok, err = pcall(function()
      return attempt(folder, function(name, body, ...)
        current = name
        return body(...)
      end)
    end)
    if not ok then
      local known = type(err) == "table"
      fs.write(result, json.encode {
        at = current,
        text = tostring(err),
        code = known and err.code or "lua",
        path = known and err.path or nil,
      }, { sync = false })
    end
    process.exit(ok and err or 1)
  end
  process.reap(child)
  local failed = fs.stat(result) and json.decode(fs.read(result)) or nil
  fs.remove(result)
  fs.remove_all(folder)
  if not failed then
    return { { name = "namespaces", ok = true, message = "namespaces, mounts, devices and overlays work" } }
  end
  local finding = {
    name = failed.at,
    ok = false,
    fatal = failed.at ~= "overlay",
    message = ("this machine refuses %s"):format(WHAT[failed.at] or failed.at),
    cause = failed.text,
    hint = preflight.hint(failed.at, failed),
  }
  if failed.at == "overlay" then
    finding.message = finding.message .. "; step roots will be made by copying"
  end
  return { finding }
end

return probe
