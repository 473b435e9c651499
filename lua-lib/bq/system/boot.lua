-- What a machine does when it starts and when it is turned off: the configuration of busybox's init.
local kinds = require "bq.system.kinds"
local overlay = require "bq.system.overlay"
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

-- What a console shows.
local CONSOLES <const> = { login = "/usr/bin/login", shell = "/usr/bin/login -f root" }
local SCREEN <const> = "/etc/init.d/screen"
-- The last one that is listed is the console of the machine, `tty0` the screen.
local ON_SCREEN <const> = [[
#!/bin/sh
# The same on the screen, if there is one, and the console of the machine is another: a serial port.
read -r consoles </sys/class/tty/console/active
case $consoles in
*tty0) exit ;;
esac
[ -c /dev/tty1 ] || exit
export TERM=linux
while :; do
  setsid -c %s <>/dev/tty1 >&0 2>&1
  sleep 1
done
]]

--- Writes the files that package `init` of every root reads, or that take the place of its own.
---@param system bq.System
---@param running table<string, bq.system.Service>
---@param files table<string, bq.system.File> by path; changed
function boot.render(system, running, files)
  local watch = next(running) and ("::respawn:/usr/bin/runsvdir -P %s\n"):format(services.FOLDER) or ""
  local program = CONSOLES[system.console]
  if program then
    files[SCREEN] = { text = ON_SCREEN:format(program), mode = "0755" }
  end
  files["/etc/inittab"] = {
    text = "::sysinit:/etc/init.d/rcS\n"
      -- `cttyhack` makes the console the terminal of the session, so that Ctrl-C works.
      .. (program and ("::respawn:/usr/bin/cttyhack %s\n::once:%s\n"):format(program, SCREEN) or "")
      .. watch
      .. "::ctrlaltdel:/usr/sbin/reboot\n::shutdown:/etc/init.d/rcK\n",
  }
  if #system.fstab > 0 then
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
  end
end

--- Writes the folders that partitions are mounted at, where the page says whose they are.
---@param system bq.System
---@param all bq.system.Accounts
---@param files table<string, bq.system.File> by path; changed
---@param say bq.system.Say
function boot.tops(system, all, files, say)
  for index, one in ipairs(system.disk and system.disk.partitions or {}) do
    if one.owner or one.mode then
      local at = ("disk.partitions[%d].owner"):format(index)
      local uid, gid = overlay.owner_ids(at, one.owner or "root", all, say)
      files[one.mount] = { folder = true, mode = one.mode or "0755", uid = uid, gid = gid }
    end
  end
end

return boot
