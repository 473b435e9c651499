-- Tries the namespace operations of a build in a separate process, and reports the first that fails.
local fs = require "bq.fs"
local hint = require "bq.hint"
local json = require "bq.json"
local process = require "bq.process"
local schema = require "bq.schema"
local syscall = require "bq.syscall"

-- The operations, in order. They run in child processes; the first that fails ends the probe.
local function attempt(folder, note)
  local uid, gid = syscall.geteuid(), syscall.getegid()
  local own = true
  for _, name in ipairs(syscall.capabilities()) do
    own = own and name ~= "sys_admin"
  end
  note(
    "unshare",
    syscall.unshare,
    own and { "user", "mount", "pid", "ipc", "uts", "net" } or { "mount", "pid", "ipc", "uts", "net" }
  )
  if own then
    note("map", syscall.write_proc_self_map, { outer_uid = uid, outer_gid = gid })
  end
  local child = process.fork()
  if child ~= 0 then
    return process.reap(child).code or 1
  end
  note("mount", syscall.mount, { target = "/", flags = { "rec", "private" } })
  -- Relative names, since the folder's name may contain a character with a meaning in mount options.
  syscall.chdir(folder)
  note("mount", syscall.mount, { source = "tmpfs", target = "tmp", type = "tmpfs", data = "mode=755" })
  fs.mkdir "tmp/proc"
  fs.write("tmp/null", "", { sync = false })
  note("mount", syscall.mount, { source = "proc", target = "tmp/proc", type = "proc" })
  local null = note("open_tree", syscall.open_tree, "/dev/null")
  note("move_mount", syscall.move_mount, null, "tmp/null")
  note("dev", fs.append, "tmp/null", "")
  note("mount_setattr", syscall.mount_setattr, "tmp/null", { "rdonly" })
  local keeper = process.attribute_keeper()
  local watched = process.fork()
  if watched == 0 then
    syscall.set_no_new_privs()
    note("seccomp", keeper.watch, keeper)
    return 0
  elseif not keeper:reap(watched).ok then
    return 1
  end
  -- On the workspace's file system: not every file system can be the upper layer of an overlay.
  note("overlay", syscall.mount, {
    source = "overlay",
    target = "root",
    type = "overlay",
    data = "lowerdir=lower,upperdir=upper,workdir=work,userxattr",
  })
  return 0
end

--- What the process leaves: where it failed, and by what.
---@type bq.schema.Format
local RESULT <const> = {
  what = "what the probe left",
  limit = 1 << 16,
  kind = schema.record { at = schema.text(), text = schema.text(), code = schema.text(), ["path?"] = schema.text() },
}

local WHAT = {
  unshare = "user, mount, pid, ipc, uts and net namespaces",
  map = "the map of the user's id",
  mount = "mounts in a namespace",
  open_tree = "open_tree(2)",
  move_mount = "move_mount(2)",
  mount_setattr = "mount_setattr(2)",
  dev = "devices in a namespace",
  seccomp = "a filter of system calls that asks a process (seccomp_unotify(2))",
  overlay = "an overlay on the workspace's file system",
}

--- Findings about namespaces, tried in a new folder below `parent`.
---@param parent string
---@return bq.Finding[]
local function probe(parent)
  local made, folder = pcall(fs.mkdtemp, parent .. "/.probe-")
  if not made then
    return {
      {
        name = "folder",
        ok = false,
        fatal = true,
        message = ("`%s` cannot be written to"):format(parent),
        cause = tostring(folder),
        hint = "choose another folder by `--workspace DIR`",
      },
    }
  end
  for _, name in ipairs { "tmp", "lower", "upper", "work", "root" } do
    fs.mkdir(folder .. "/" .. name)
  end
  local result = folder .. "/result.json"
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
      fs.write(
        result,
        json.encode {
          at = current,
          text = tostring(err),
          code = known and err.code or "lua",
          path = known and err.path or nil,
        },
        { sync = false }
      )
    end
    process.exit(ok and err or 1)
  end
  process.reap(child)
  local failed = schema.read(result, RESULT)
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
    hint = hint.of(failed.at, failed),
  }
  if failed.at == "overlay" then
    finding.message = finding.message .. "; step roots will be made by copying"
  end
  return { finding }
end

return probe
