local check = require "check"
local fs = require "bq.fs"
local process = require "bq.process"
local scratch = require "scratch"
local services = require "bq.system.services"
local sayer = require("said").list

local function joined(packages, said, users)
  local say, out = sayer()
  local all = services.join(packages, said, users or {}, say)
  services.order(all, say)
  return all, out
end

local SSH <const> = { run = { "/usr/sbin/sshd", "-D" } }

check.run {
  {
    "a service of a recipe is off until the system turns it on",
    function()
      local packages = { { name = "ssh", services = { ssh = SSH } } }
      check.equal((joined(packages, {})), {})
      check.equal((joined(packages, { ssh = true })), { ssh = SSH })
      check.equal((joined(packages, { ssh = false })), {})
      local own = { run = { "/bin/other" } }
      check.equal((joined(packages, { ssh = own })), { ssh = own })
    end,
  },
  {
    "what does not fit together is said",
    function()
      local _, wrong = joined({ { name = "ssh", services = { ssh = SSH } } }, {
        sshd = true,
        a = { run = { "/a" }, user = "nobdy", after = { "b" } },
        b = { run = { "/b" }, after = { "a", "gone" } },
      }, { nobody = {} })
      check.equal(wrong, {
        "services.a.user is `nobdy`, which is no user of the system",
        "services.sshd is turned on, and no package of the system brings it; say what to `run`; packages bring ssh",
        "services.b.after names `gone`, which is no service that runs",
        "services.a.after goes in a circle: a → b → a",
      })
    end,
  },
  {
    "mistakes of a page and of a recipe",
    function()
      local say, out = sayer()
      services.kind({ a = 1, b = {}, c = { run = {} }, d = { run = { "sshd" }, restart = true } }, say, "services")
      check.equal(out, {
        "services.a is a number, expected a table",
        "services.b.run is missing",
        "services.c.run is empty, expected a program and its arguments",
        "services.d.restart is no field",
        "services.d.run[1] is `sshd`, which is not an absolute path",
      })
      say, out = sayer()
      services.check({ a = true }, say)
      check.equal(out, { "services.a is true, expected a table" })
    end,
  },
  {
    "they start in order, and stop the other way round",
    function()
      local all = {
        web = { run = { "/web" }, after = { "db", "net" } },
        db = { run = { "/db" }, after = { "net" } },
        net = { run = { "/net" } },
      }
      check.equal(services.order(all), { "net", "db", "web" })
      check.equal(
        services.stop_lines(all),
        "sv -w 10 force-stop /etc/service/web\nsv -w 10 force-stop /etc/service/db\nsv -w 10 force-stop /etc/service/net\n"
      )
    end,
  },
  {
    "the scripts of a service are scripts of a shell, whatever is in its words",
    function()
      local files = {}
      services.render({
        a = {
          run = { "/bin/echo", "it's", "$HOME", "`x`" },
          environment = { A = "b'c" },
          user = "ann",
          after = { "b" },
        },
        b = { run = { "/bin/true" }, once = true },
      }, files)
      check.contains(
        files["/etc/service/a/run"].text,
        "\nexport A='b'\\''c'\nexec chpst -u 'ann' '/bin/echo' 'it'\\''s' '$HOME' '`x`'\n"
      )
      check.contains(files["/etc/service/a/run"].text, "\nuntil [ -e /run/sv/b.done ] || grep -q '^run' /run/sv/b/stat")
      check.contains(files["/etc/service/b/finish"].text, "\nsv down /etc/service/b\n")
      check.equal(files["/etc/service/a/supervise"], { link = "/run/sv/a" })
      check.equal(files["/etc/service/a/log/config"].text, "s100000\nn5\n")
      for path, one in pairs(files) do
        if one.text and one.text:find "^#!" then
          check.equal(one.mode, "0755", path)
          scratch.write("script", one.text)
          local status = process.run { argv = { "/bin/sh", "-n", "script" }, stderr = "capture" }
          check.truthy(status.ok, path .. ": " .. status.stderr)
        end
      end
    end,
  },
  {
    "a service that ends at once waits longer each time, and one that ran well does not",
    function()
      local files = {}
      services.render({ a = { run = { "/a" } } }, files)
      local text = files["/etc/service/a/finish"].text
      text = text:gsub("/run/sv/a", fs.cwd() .. "/a"):gsub("/proc/uptime", "uptime"):gsub("\nsleep ", "\necho ")
      scratch.write("finish", text)
      local function waits(up, started)
        scratch.write("uptime", ("%d.25 1.00\n"):format(up))
        scratch.write("a.started", started .. "\n")
        return process.run({ argv = { "/bin/sh", "finish" }, stdout = "capture" }).stdout
      end
      local got = {}
      for index = 1, 9 do
        got[index] = waits(100, 99)
      end
      check.equal(table.concat(got), "1\n2\n4\n8\n16\n32\n64\n64\n64\n")
      check.equal(waits(1000, 100), "1\n")
      check.equal(waits(1001, 1000), "2\n")
    end,
  },
}
