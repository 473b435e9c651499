-- What a machine does when it starts and when it is turned off: the configuration of busybox's init.
local kinds = require "bq.system.kinds"
local network = require "bq.system.network"
local services = require "bq.system.services"
local tables = require "bq.tables"

local boot = {}

--- What the console of the machine shows: a login, a shell of root without one, or nothing.
boot.CONSOLE = kinds.one_of { "login", "shell", false }

local KEY <const> = kinds.text("[%w_-]+[%w_./-]*", "the name of a setting of the kernel", 200)
local NUMBER_OR_LINE <const> = kinds.either(function(value)
  return math.type(value) == "integer"
end, kinds.whole(math.mininteger, math.maxinteger), kinds.LINE)
boot.SYSCTL = kinds.map(KEY, NUMBER_OR_LINE)

local WORD <const> = kinds.text("[^%s%c]+", "one word", 1024)
local MOUNTS <const> = kinds.list(
  kinds.record {
    what = WORD,
    mount = kinds.path,
    type = WORD,
    ["options?"] = WORD,
  },
  "a list of mounts"
)

--- What is mounted besides the root.
---@param value any
---@param say bq.system.Say
---@param at string
function boot.fstab(value, say, at)
  MOUNTS(value, say, at)
  local seen = {}
  for index, one in ipairs(type(value) == "table" and value or {}) do
    local path = type(one) == "table" and one.mount
    if path and seen[path] then
      say(("%s[%d].mount"):format(at, index), ("is `%s`, and so is that of %s[%d]"):format(path, at, seen[path]))
    end
    seen[path or ""] = index
  end
end

-- `cttyhack` makes the console the terminal of the session, so that Ctrl-C works.
local CONSOLES <const> = {
  login = "::respawn:/usr/bin/cttyhack /usr/bin/login\n",
  shell = "::respawn:/usr/bin/cttyhack /usr/bin/login -f root\n",
  [false] = "",
}

local START <const> = [[
#!/bin/sh
export PATH=/usr/bin:/usr/sbin
mount -t proc -o nosuid,nodev,noexec proc /proc
mount -t sysfs -o nosuid,nodev,noexec sysfs /sys
mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 /sys/fs/cgroup
mountpoint -q /dev || mount -t devtmpfs -o nosuid,noexec devtmpfs /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts -o nosuid,noexec,mode=620,gid=5,ptmxmode=666 devpts /dev/pts
mount -t tmpfs -o nosuid,nodev,mode=1777 tmpfs /dev/shm
mount -t tmpfs -o nosuid,nodev,mode=755 tmpfs /run
mount -t tmpfs -o nosuid,nodev,mode=1777 tmpfs /tmp
# A root that cannot be written gets a layer in memory over what is written to.
if ! true 2>/dev/null >/etc/.writable; then
  for folder in etc home mnt opt root srv usr var; do
    [ -d /$folder ] || continue
    mkdir -p /run/overlay/$folder/upper /run/overlay/$folder/work
    mount -t overlay -o lowerdir=/$folder,upperdir=/run/overlay/$folder/upper,workdir=/run/overlay/$folder/work overlay /$folder
  done
fi
rm -f /etc/.writable
ln -s /proc/self/fd /dev/fd
ln -s fd/0 /dev/stdin
ln -s fd/1 /dev/stdout
ln -s fd/2 /dev/stderr
mkdir -p /run/sv
]]

-- The id of a machine is made once, at its first start: it is not the same on two machines of one image.
local IDENTITY <const> = [[
if [ ! -s /etc/machine-id ]; then
  od -An -N16 -tx1 /dev/urandom | tr -d ' \n' >/etc/machine-id
  echo >>/etc/machine-id
fi
]]

local STOP <const> = [[
kill -TERM -1
sleep 1
kill -KILL -1
sync
swapoff -a
umount -a -r
]]

--- Writes the files of init.
---@param system bq.System
---@param running table<string, bq.system.Service>
---@param files table<string, bq.system.File> by path; changed
function boot.render(system, running, files)
  local watch = next(running) and ("::respawn:/usr/bin/runsvdir -P %s\n"):format(services.FOLDER) or ""
  files["/etc/inittab"] = {
    text = "::sysinit:/etc/init.d/rcS\n"
      .. CONSOLES[system.console]
      .. watch
      .. "::ctrlaltdel:/usr/sbin/reboot\n::shutdown:/etc/init.d/rcK\n",
  }
  local start = { START }
  if #system.fstab > 0 then
    start[#start + 1] = "swapon -a\nmount -a\n"
    local lines = {}
    for index, one in ipairs(system.fstab) do
      lines[index] = ("%s %s %s %s 0 0\n"):format(one.what, one.mount, one.type, one.options or "defaults")
      if one.type ~= "swap" then
        files[one.mount] = files[one.mount] or { folder = true }
      end
    end
    files["/etc/fstab"] = { text = table.concat(lines) }
  end
  local settings = {}
  for key, value in tables.sorted(system.sysctl) do
    settings[#settings + 1] = ("%s = %s\n"):format(key, value)
  end
  if #settings > 0 then
    files["/etc/sysctl.conf"] = { text = table.concat(settings) }
    start[#start + 1] = "sysctl -q -p /etc/sysctl.conf\n"
  end
  start[#start + 1] = IDENTITY
  start[#start + 1] = network.start_lines(system.network)
  files["/etc/init.d/rcS"] = { text = table.concat(start), mode = "0755" }
  files["/etc/init.d/rcK"] = {
    text = "#!/bin/sh\nexport PATH=/usr/bin:/usr/sbin\n" .. services.stop_lines(running) .. STOP,
    mode = "0755",
  }
end

return boot
