-- The files that the settings of a system become.
local boot = require "bq.system.boot"
local check = require "check"
local fields = require "bq.system.fields"
local process = require "bq.process"
local scratch = require "scratch"
local settings = require "bq.system.settings"
local tables = require "bq.tables"
local said = require("said").of

--- The files of a system with these fields, and what is said of it.
local function files(changes, packages)
  local system, said = fields.defaults(), {}
  system.name, system.hostname, system.packages = "mine", "mine", {}
  for name, value in pairs(changes or {}) do
    system[name] = value
  end
  local made, all, running = settings.files(system, packages or {}, {}, function(at, message)
    said[#said + 1] = ("%s %s"):format(at, message)
  end)
  return made, said, running, all
end

check.run {
  {
    "a system that says nothing: a login on the console, a clock, no files that are not needed",
    function()
      local made, wrong = files()
      check.equal(wrong, {})
      check.equal(
        made["/etc/inittab"].text,
        "::sysinit:/etc/init.d/rcS\n::respawn:/usr/bin/cttyhack /usr/bin/login\n::once:/etc/init.d/screen\n"
          .. "::respawn:/usr/bin/runsvdir -P /etc/service\n"
          .. "::ctrlaltdel:/usr/sbin/reboot\n::shutdown:/etc/init.d/rcK\n"
      )
      check.contains(made["/etc/service/ntp/run"].text, "'/usr/sbin/ntpd' '-n' '-p' 'pool.ntp.org'\n")
      for _, path in ipairs { "/etc/fstab", "/etc/sysctl.conf", "/etc/motd", "/etc/localtime", "/etc/resolv.conf" } do
        check.equal(made[path], nil, path)
      end
    end,
  },
  {
    "consoles",
    function()
      local made = files { console = "shell" }
      check.contains(made["/etc/inittab"].text, "/usr/bin/login -f root\n")
      check.contains(made["/etc/init.d/screen"].text, "setsid -c /usr/bin/login -f root <>/dev/tty1")
      check.equal(made["/etc/init.d/screen"].mode, "0755")
      made = files { console = false }
      check.truthy(not made["/etc/inittab"].text:find "login" and not made["/etc/inittab"].text:find "screen")
      check.equal(made["/etc/init.d/screen"], nil)
    end,
  },
  {
    "the top of a partition belongs to whom the page says",
    function()
      local function tops(owner)
        return files {
          users = { ann = { uid = 1000 } },
          disk = {
            partitions = {
              { mount = "/data", size = "40M", owner = owner, mode = "0750" },
              { mount = "/srv", size = "40M", mode = "1777" },
              { mount = "/other", size = "40M" },
            },
          },
        }
      end
      local made, wrong = tops "ann:users"
      check.equal(wrong, {})
      check.equal(made["/data"], { folder = true, mode = "0750", uid = 1000, gid = 100 })
      check.equal(made["/srv"], { folder = true, mode = "1777", uid = 0, gid = 0 })
      check.equal(made["/other"], nil)
      check.equal(tops("7:8")["/data"].gid, 8)
      check.equal(select(2, tops "bob:users"), {
        "disk.partitions[1].owner is `bob:users`, and there is no user `bob`",
      })
    end,
  },
  {
    "without a network or with `ntp = false` there is no clock, and without services nothing watches them",
    function()
      for _, changes in ipairs { { ntp = false }, { network = false }, { services = { ntp = false } } } do
        local made, _, running = files(changes)
        check.equal(running, {})
        check.truthy(not made["/etc/inittab"].text:find "runsvdir")
        for path in tables.sorted(made) do
          check.truthy(not path:find "/service", path)
        end
      end
    end,
  },
  {
    "mounts, settings of the kernel, texts, time zone",
    function()
      local made = files {
        fstab = {
          { what = "LABEL=data", mount = "/data", type = "ext4", options = "noatime" },
          { what = "LABEL=swap", mount = "/none", type = "swap" },
        },
        sysctl = { ["net.ipv4.ip_forward"] = 1, ["kernel.domainname"] = "example.org" },
        motd = "hello\n\n",
        timezone = "Europe/Berlin",
        locale = "de_DE.UTF-8",
      }
      check.equal(made["/etc/fstab"].text, "LABEL=data /data ext4 noatime 0 0\nLABEL=swap /none swap defaults 0 0\n")
      check.equal(made["/data"], { folder = true })
      check.equal(made["/none"], nil)
      check.equal(made["/etc/sysctl.conf"].text, "kernel.domainname = example.org\nnet.ipv4.ip_forward = 1\n")
      check.equal(made["/etc/motd"].text, "hello\n")
      check.equal(made["/etc/localtime"], { link = "/usr/share/zoneinfo/Europe/Berlin" })
      scratch.write("profile", made["/etc/profile"].text)
      local status = process.run {
        argv = { "/bin/sh", "-c", ". ./profile; echo $PATH $LANG" },
        stdout = "capture",
        stderr = "capture",
        env = {},
      }
      check.equal({ status.stdout, status.stderr }, { "/usr/local/bin:/usr/bin:/usr/sbin de_DE.UTF-8\n", "" })
    end,
  },
  {
    "mistakes of mounts and of settings of the kernel",
    function()
      check.equal(
        said(boot.fstab, {
          { what = "LABEL=a", mount = "/a", type = "ext4", option = "x" },
          { what = "LABEL=b c", mount = "/a", type = "ext4" },
        }),
        {
          "x[1].option is no field, did you mean `options`?",
          "x[2].what is `LABEL=b c`, which is not one word",
          "x[2].mount is `/a`, and so is that of x[1]",
        }
      )
      check.equal(said(boot.SYSCTL, { ["a b"] = 1, c = "x\ny", d = 1.5 }), {
        "x has a name that is `a b`, which is not the name of a setting of the kernel",
        "x.c is `x\ny`, which is not a text of one line",
        "x.d is a number, expected a text of one line",
      })
    end,
  },
  {
    "every script is one of a shell, and every path is absolute",
    function()
      local made = files {
        services = { web = { run = { "/web" }, after = { "db" } }, db = { run = { "/db" }, once = true } },
        network = { eth0 = { addresses = { "10.0.0.2/24" } }, ["*"] = false },
      }
      local count = 0
      for path, one in tables.sorted(made) do
        check.truthy(path:find "^/[^/]", path)
        if one.text and one.text:find "^#!/bin/sh\n" then
          count = count + 1
          scratch.write("script", one.text)
          local status = process.run { argv = { "/bin/sh", "-n", "script" }, stderr = "capture" }
          check.truthy(status.ok and one.mode == "0755", path .. ": " .. status.stderr)
        end
      end
      check.truthy(count > 8, count)
    end,
  },
}
