-- Explains why this machine, kernel or container refuses a call, by the call and its errno, and names the setting that
-- fixes it.
local fs = require "bq.fs"
local process = require "bq.process"

local hint = {}

--- A number under /proc/sys; `nil` if the kernel has no such setting.
local function sysctl(name)
  local path = "/proc/sys/" .. name:gsub("%.", "/")
  local ok, text = pcall(fs.read, path)
  return ok and tonumber(text:match "%d+") or nil
end

--- Whether this process has a system call filter, as in most containers.
local function is_filtered()
  local ok, text = pcall(fs.read, "/proc/self/status")
  return ok and text:match "\nSeccomp:%s*2" ~= nil
end

local function is_apparmor_restricted()
  return sysctl "kernel.apparmor_restrict_unprivileged_userns" == 1
end

local APPARMOR = "this system's AppArmor takes the powers of user namespaces away; allow them for bq: "
  .. "`printf 'abi <abi/4.0>,\\nprofile bq %s flags=(unconfined) { userns, }\\n' | sudo tee /etc/apparmor.d/bq && sudo apparmor_parser -r /etc/apparmor.d/bq`,"
  .. " or for all: `sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`"

local function apparmor()
  local ok, program = pcall(process.executable)
  return APPARMOR:format(ok and program or "/path/of/bq")
end

local function allow(kind)
  return ("allow namespaces: `sudo sysctl -w user.max_%s_namespaces=15000`"):format(kind)
end

local function no_namespace(err)
  for _, kind in ipairs { "user", "mnt", "pid", "net", "ipc", "uts" } do
    if sysctl("user.max_" .. kind .. "_namespaces") == 0 then
      return allow(kind)
    end
  end
  if err.code == "ENOSPC" then
    return "a limit of namespaces is reached; see `sysctl -a | grep max_.*_namespaces`"
  elseif sysctl "kernel.unprivileged_userns_clone" == 0 then
    return "allow user namespaces: `sudo sysctl -w kernel.unprivileged_userns_clone=1`"
  elseif err.code == "EPERM" and is_filtered() then
    return "the container's filter forbids namespaces; start it with `--security-opt seccomp=unconfined --security-opt systempaths=unconfined`"
  elseif is_apparmor_restricted() then
    return apparmor()
  elseif err.code == "EPERM" then
    return "a user namespace cannot be made inside a plain `chroot` without root; enter by `bq scripts/enter.lua` instead"
  elseif err.code == "EINVAL" then
    return "the kernel was built without CONFIG_USER_NS, or with fewer kinds of namespaces"
  end
end

--- One thing to do about a failed call; `nil` if nothing is known.
---@param call string the call or stage: `unshare`, `unshare_mount` once the others are made, `map`, `mount`, `overlay`, `dev`, `binfmt`, `pivot_root`, …
---@param err bq.error
---@return string?
function hint.of(call, err)
  if type(err) ~= "table" then
    return nil
  elseif call == "unshare_mount" and err.code == "ENOSPC" then
    -- Inside a user namespace only its own limits can be read. The limit that was reached belongs to an outer
    -- namespace.
    return allow "mnt"
  elseif call == "unshare" or call == "unshare_mount" then
    return no_namespace(err)
  elseif (call == "map" or call == "mount") and err.code == "EACCES" then
    return is_apparmor_restricted() and apparmor() or nil
  elseif call == "map" and err.code == "EROFS" then
    return "/proc is read-only here; start the container with `--security-opt systempaths=unconfined`"
  elseif call == "map" and err.code == "EPERM" and is_apparmor_restricted() then
    return apparmor()
  elseif call == "mount" and ("/" .. (err.path or "")):find "/proc$" and err.code == "EPERM" then
    return "parts of /proc are masked here; start the container with `--security-opt systempaths=unconfined` (podman: `--security-opt unmask=ALL`)"
  elseif call == "binfmt" and err.code == "EPERM" then
    return "user namespaces can have emulators of their own since Linux 6.7; on an older kernel let root register one for the machine (Debian: `qemu-user-binfmt`), or build on a machine of that architecture"
  elseif call == "binfmt" and err.code == "ENODEV" then
    return "the kernel cannot start emulators: `sudo modprobe binfmt_misc`"
  elseif call == "dev" then
    return "/dev is mounted `nodev` here; start the container with `--tmpfs /dev:rw,exec,dev,nosuid`, or `--privileged`"
  elseif (call == "open_tree" or call == "mount_setattr" or call == "move_mount") and err.code == "ENOSYS" then
    return "the kernel is too old: bq needs Linux 5.12 or newer"
  elseif call == "seccomp" and err.code == "EBUSY" then
    return "the container's manager answers system calls (LXD by `security.syscalls.intercept.*`, sysbox always), and the kernel allows one such program; turn that off, or build outside of this container"
  elseif (call == "mount" or call == "overlay") and err.code == "ENODEV" then
    return "the kernel has no overlay file system: `sudo modprobe overlay`"
  elseif call == "overlay" and err.code == "EINVAL" then
    return "an overlay cannot be written to another overlay or to most network file systems; choose a folder on the machine's own disk by `--workspace DIR`"
  end
end

return hint
