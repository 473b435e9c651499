local check = require "check"
local fail = require "bq.fail"
local fs = require "bq.fs"
local process = require "bq.process"
local syscall = require "bq.syscall"
local workspace = require "bq.workspace"

check.run {
  {
    "where it is",
    function()
      check.equal(workspace.new("a").path, fs.cwd() .. "/a")
      check.equal(workspace.new("/a/b").path, "/a/b")
      check.equal(workspace.new().path, fs.cwd() .. "/data/sysroot")
      check.equal(workspace.new("/a"):at("b", "c"), "/a/b/c")
      check.equal(workspace.new("/a"):rootfs(), "/a/rootfs")
    end,
  },
  {
    "the option that means it is one word of a shell, whatever is in its path",
    function()
      check.equal(workspace.new():option(), "")
      check.equal(workspace.new("/a/b-c"):option(), " --workspace /a/b-c")
      -- Only that of the folder where the command is run is meant without a name.
      check.equal(workspace.new("/a/data/sysroot"):option(), " --workspace /a/data/sysroot")
      for _, path in ipairs { "/it's", "/two words", "/$(id)`id`", "/a\\b", '/q"q' } do
        local status = process.run {
          argv = { "/bin/sh", "-c", "set --" .. workspace.new(path):option() .. '; printf %s "$2"' },
          stdout = "capture",
        }
        check.equal(status.stdout, path)
      end
    end,
  },
  {
    "what is not there is said",
    function()
      local space = workspace.new "none"
      check.equal(space:locked(), {})
      check.equal(space:staged(), nil)
      check.equal(
        fail.lines(check.raises(function()
          space:plan()
        end)),
        {
          ("error: there is no plan in `%s`"):format(space.path),
          ("hint: make one: `bq scripts/build_sysroot.lua --workspace %s`"):format(space.path),
        }
      )
    end,
  },
  {
    "JSON that something else has changed",
    function()
      local space = workspace.new "bad"
      space:create()
      fs.write(space:at "plan.json", "{")
      local lines = fail.lines(check.raises(function()
        space:plan()
      end))
      check.equal(lines[1], ("error: cannot read the plan `%s`"):format(space:at "plan.json"))
      check.contains(lines[2], "caused by: decode: ")
      check.equal(lines[3], ("hint: plan again: `bq scripts/build_sysroot.lua --workspace %s`"):format(space.path))
    end,
  },
  {
    "a place that cannot be made",
    function()
      fs.write("file", "")
      local lines = fail.lines(check.raises(function()
        workspace.new("file/space"):create()
      end))
      check.equal(lines[1], ("error: cannot make the workspace `%s/file/space`"):format(fs.cwd()))
      check.equal(lines[#lines], "hint: choose another folder by `--workspace DIR`")
    end,
  },
  {
    "one run at a time, and the other is told who",
    function()
      local space = workspace.new "locked"
      space:create()
      space:lock()
      local second = workspace.new "locked"
      check.equal(
        fail.lines(check.raises(function()
          second:lock()
        end)),
        {
          ("error: the workspace `%s` is in use"):format(space.path),
          ("caused by: another bq is working in it (process %d)"):format(syscall.getpid()),
          "hint: wait for it to end, or use another folder by `--workspace DIR`",
        }
      )
      space:unlock()
      second:lock()
      second:unlock()
      second:unlock()
    end,
  },
  {
    "a killed holder holds nothing, and a program that it started does not either",
    function()
      local space = workspace.new "killed"
      space:create()
      local code = ([[
        local space = require("bq.workspace").new %q
        space:lock()
        require("bq.process").spawn { argv = { %q, "-e", "io.read(0)" }, stdin = "inherit" }
        print "held"
        io.stdout:flush()
        require("bq.process").kill(require("bq.syscall").getpid(), "KILL")
      ]]):format(space.path, process.executable())
      local status = process.run { argv = { process.executable(), "-e", code }, stdout = "capture" }
      check.equal({ status.signal, status.stdout }, { "KILL", "held\n" })
      space:lock()
      space:unlock()
    end,
  },
}
