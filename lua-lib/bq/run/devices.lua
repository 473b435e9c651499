-- The /dev of a root: a few nodes of the machine, pseudo-terminals and shared memory of its own.
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

--- The nodes of the machine, opened before its root is out of sight.
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
    -- A node is the machine's own: even root of the machine must not change its mode or owner by way of it.
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
  -- A bind of a node on a `nodev` mount succeeds; only opening it tells.
  local ok, err = pcall(fs.append, "/dev/null", "")
  if not ok then
    fail.raise("the devices of this machine cannot be used in a namespace", { cause = err, hint = hint.of("dev", err) })
  end
  syscall.mount_setattr("/dev", { "rdonly" })
end

return devices
