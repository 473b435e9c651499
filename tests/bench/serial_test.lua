local check = require "check"
local fs = require "bq.fs"
local process = require "bq.process"
local recorder = require "recorder"
local serial = require "serial"
local step = require "bq.run.step"
local strip = require "bq.run.strip"
local workspace = require "bq.workspace"

--- A step whose folders lie in this test's own.
local function recorded(work)
  local here = fs.cwd()
  fs.remove_all "in"
  for _, name in ipairs { "src", "build", "dest" } do
    fs.mkdir("in/" .. name)
  end
  local job = {
    step = { name = "x", version = "1", phase = "one", patches = {}, as_is = {}, fields = { strip = false } },
    jobs = 2,
    makeflags = "-j9",
    epoch = 0,
  }
  job.env = { PATH = os.getenv "PATH", A = "a b" }
  local current = step.new(job)
  current.src, current.build, current.dest = here .. "/in/src", here .. "/in/build", here .. "/in/dest"
  local observer = recorder.new(current, here .. "/home")
  current.observer = observer
  work(current)
  observer:normalise()
  strip.output(current)
  observer:finish()
  return fs.read("home/" .. recorder.FOLDER .. "/step.sh")
end

--- Carries a record out with nothing but a shell, in the same places but emptied.
local function again()
  for _, name in ipairs { "src", "build", "dest" } do
    fs.remove_all("in/" .. name)
    fs.mkdir("in/" .. name)
  end
  fs.mkdir "bin"
  -- The root is the machine's own, where it would be left for another.
  fs.write("bin/chroot", '#!/bin/sh\nshift\nexec "$@"\n', { mode = tonumber("755", 8) })
  local status = process.run {
    argv = { "sh", "-ec", 'root=/ record=$PWD/home/.record chroot=$PWD/bin/chroot; . "$record"/step.sh' },
    stderr = "capture",
  }
  check.equal(status.stderr, "")
  check.truthy(status.ok)
end

check.run {
  {
    "a record does again what was done",
    function()
      local text = recorded(function(b)
        b:write(b.build .. "/input", "it's\n")
        b:run({ "sh", "-c", 'cat input - > "$0"; echo "$A" >> "$0"', b.dest .. "/out" }, { input = "more\n" })
        b:run({ "sh", "-c", "exit 3" }, { ok = { 3 } })
        b:replace(b.build .. "/input", "it's", "that's")
        b:mkdir(b.dest .. "/empty")
        b:symlink("out", b.dest .. "/link")
        b:install(b.build .. "/input", "/bin/tool")
        b:write(b.dest .. "/gone", "")
        check.equal(fs.remove(b.dest .. "/gone"), true)
        b:copy(b.build, b.dest .. "/tree")
        b:write(b.dest .. "/lib/x.la", "")
      end)
      check.contains(text, "< /dev/null || test $? = 3")
      again()
      check.equal(fs.read "in/dest/out", "it's\nmore\na b\n")
      check.equal(fs.read "in/dest/bin/tool", "that's\n")
      check.equal(fs.stat("in/dest/bin/tool").mode, tonumber("755", 8))
      check.equal(fs.readlink "in/dest/link", "out")
      check.equal(fs.stat("in/dest/empty").type, "dir")
      check.equal(fs.read "in/dest/tree/input", "that's\n")
      check.equal(fs.stat "in/dest/gone", nil)
      check.equal(fs.stat "in/dest/lib/x.la", nil)
    end,
  },
  {
    "make has as many jobs as the build had in all",
    function()
      fs.mkdir "tools"
      fs.write("tools/make", '#!/bin/sh\necho "$MAKEFLAGS" > made\n', { mode = tonumber("755", 8) })
      recorded(function(b)
        b.env.PATH = fs.cwd() .. "/tools:" .. b.env.PATH
        b:make {}
        check.equal(fs.read "in/build/made", "-j9\n")
      end)
      again()
      check.equal(fs.read "in/build/made", "-j2\n")
    end,
  },
  {
    "what Lua removes or replaces between commands goes, whoever does it",
    function()
      local text = recorded(function(b)
        b:run {
          "sh",
          "-c",
          "mkdir tree && echo one > tree/file && echo 12345 > same && ln -s file link && mkdir changing",
        }
        fs.remove_all(b.build .. "/tree")
        fs.write(b.build .. "/same", "54321\n", { sync = false })
        fs.remove(b.build .. "/link")
        fs.remove(b.build .. "/changing")
        fs.write(b.build .. "/changing", "a file\n", { sync = false })
        b:run { "sh", "-c", 'test ! -e tree && test ! -L link && cat same changing > "$0"', b.dest .. "/out" }
      end)
      check.contains(text, "/in/build/tree\n")
      again()
      check.equal(fs.read "in/dest/out", "54321\na file\n")
    end,
  },
  {
    "the script of a step: its sources, its layers, its commands",
    function()
      local space = workspace.new "space"
      fs.mkdir "rec"
      fs.write("rec/step.sh", "true\n")
      local lines = serial.step(space, {
        step = { id = "one/b", fields = { include = { "lib" } } },
        sources = {
          main = { path = workspace.INSIDE .. "/sources/b.tar.xz" },
          more = { path = workspace.INSIDE .. "/sources/c.tar", strip = 2 },
        },
        lowers = { workspace.INSIDE .. "/store/0aff/output", workspace.INSIDE .. "/store/0bff/output", "/" },
        seed_at = "/seed",
        epoch = 7,
      }, "rec", { ["0aff"] = "one-a" })
      local text = table.concat(lines, "\n")
      local here = space.path
      check.contains(
        text,
        ("tar -xf %s/sources/b.tar.xz --no-same-owner --strip-components=1 -C src --wildcards --no-wildcards-match-slash '*/lib'"):format(
          here
        )
      )
      check.contains(text, ("tar -xf %s/sources/c.tar --no-same-owner --strip-components=2 -C build/more"):format(here))
      check.contains(text, ('layers one-b "$work"/out/one-a %s/store/0bff/output %s/rootfs'):format(here, here))
      check.contains(text, ('mount --bind %s/rootfs "$root"/seed'):format(here))
      check.contains(text, "record=rec\ntrue\nend one-b")
    end,
  },
}
