-- The /dev of a root: a few device nodes of the machine, and its own pseudo-terminals and shared memory.
local fail = require "bq.fail"
local fs = require "bq.fs"
local hint = require "bq.hint"
local syscall = require "bq.syscall"

local devices = {}

local NODES = { "null", "zero", "full", "random", "urandom", "tty" }
local DEVICE_LINKS = {
  fd = "/proc/self/fd",
  stdin = "/proc/self/fd/0",
  stdout = "/proc/self/fd/1",
  stderr = "/proc/self/fd/2",
  ptmx = "pts/ptmx",
}

--- Opens the nodes of the machine, while its root can still be reached.
---@return table<string, bq.syscall.Descriptor> descriptors by name
function devices.open()
  local nodes = {}
  for _, name in ipairs(NODES) do
    nodes[name] = syscall.open_tree("/dev/" .. name)
  end
  return nodes
end

--- Mounts /dev, in the new root.
---@param nodes table<string, bq.syscall.Descriptor> as `open` gave them
function devices.mount(nodes)
  -- With the mode of a usual /tmp, `echo > /dev/null` would be refused: it would open somebody else's file for creation.
  syscall.mount {
    source = "tmpfs",
    target = "/dev",
    type = "tmpfs",
    flags = { "nosuid", "noexec" },
    data = "mode=755,size=64k,nr_inodes=128",
  }
  for _, name in ipairs(NODES) do
    fs.append("/dev/" .. name, "")
    syscall.move_mount(nodes[name], "/dev/" .. name)
    -- These are the machine's own nodes. Not even root may change their mode or owner from inside.
    syscall.mount_setattr("/dev/" .. name, { "rdonly" })
  end
  for name, target in pairs(DEVICE_LINKS) do
    fs.symlink(target, "/dev/" .. name)
  end
  fs.mkdir "/dev/pts"
  fs.mkdir "/dev/shm"
  syscall.mount {
    source = "devpts",
    target = "/dev/pts",
    type = "devpts",
    flags = { "nosuid", "noexec" },
    data = "newinstance,ptmxmode=0666,mode=620",
  }
  syscall.mount {
    source = "tmpfs",
    target = "/dev/shm",
    type = "tmpfs",
    flags = { "nosuid", "nodev" },
    data = "mode=1777",
  }
  -- Binding a node on a `nodev` mount succeeds. Only opening it fails.
  local ok, err = pcall(fs.append, "/dev/null", "")
  if not ok then
    fail.raise("the devices of this machine cannot be used in a namespace", { cause = err, hint = hint.of("dev", err) })
  end
  syscall.mount_setattr("/dev", { "rdonly" })
end

return devices
