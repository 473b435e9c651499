local check = require "check"
local fs = require "bq.fs"
local process = require "bq.process"
local syscall = require "bq.syscall"

local BQ <const> = process.executable()

--- The argument list of a bq that runs code.
local function lua(code, ...)
  return { BQ, "-e", code, ... }
end

local WAIT <const> = "require('bq.process').wait_any()"
-- Says that it is there, and waits for ever.
local READY <const> =
  "io.write 'ready' io.flush() local p = require 'bq.process' p.catch_signals { 'USR1' } p.wait_any()"

--- Looks again and again until something is true: for what the kernel does in its own time.
local function eventually(what, body)
  for _ = 1, 6000 do
    if body() then
      return
    end
    process.wait_any { timeout = 0.01 }
  end
  error("it never came: " .. what, 2)
end

local function is_gone(pid)
  local ok, text = pcall(fs.read, ("/proc/%d/stat"):format(pid))
  return not ok or text:match "%) (%a)" == "Z"
end

local function run(command)
  command.stdout = command.stdout or "capture"
  -- What hangs is ended, with all that it started: a failing test must not leave anything behind.
  command.timeout = command.timeout or 120
  return process.run(command)
end

--- Runs what waits for ever, with a time limit that lets it say something first, however busy the machine is.
local function overdue(argv)
  local status
  for _, limit in ipairs { 0.5, 2, 8, 32, 128 } do
    status = run { argv = argv, timeout = limit }
    if status.stdout ~= "" then
      break
    end
  end
  return status
end

check.run {
  {
    "status, output, input",
    function()
      local status = run { argv = lua("print(...)", "a b", "$c"), stderr = "capture" }
      check.equal(
        { status.ok, status.code, status.signal == nil, status.timed_out, status.stdout, status.stderr },
        { true, 0, true, false, "a b\t$c\n", "" }
      )
      status = run { argv = lua "io.stderr:write 'e' os.exit(7)", stderr = "capture" }
      check.equal({ status.ok, status.code, status.stderr }, { false, 7, "e" })
      local long = ("x"):rep(300000)
      check.equal(run({ argv = lua "io.write(io.read('a'))", input = long }).stdout == long, true)
      -- A reader that goes away early is no failure.
      check.truthy(run({ argv = lua "", input = long }).ok)
      check.equal(run({ argv = lua "io.write(tostring(io.read('a')))" }).stdout, "")
    end,
  },
  {
    "the most memory that it had, also one that it has waited for",
    function()
      local big = lua "local s = ('x'):rep(64 << 20) os.exit(#s > 0)"
      local inside = ("require('bq.process').run { argv = { %q, %q, %q } }"):format(table.unpack(big))
      for _, argv in ipairs { big, lua(inside) } do
        local status = run { argv = argv }
        check.truthy(status.max_memory >= 64 << 20)
        check.truthy(status.max_memory < 256 << 20)
      end
      check.truthy(run({ argv = lua "" }).max_memory < 64 << 20)
    end,
  },
  {
    "environment, folder, streams",
    function()
      local status = run { argv = lua "print(os.getenv 'A', os.getenv 'HOME')", env = { A = "1" } }
      check.equal(status.stdout, "1\tnil\n")
      fs.mkdir "sub"
      check.equal(run({ argv = lua "print(require('bq.fs').cwd())", cwd = "sub" }).stdout, fs.cwd() .. "/sub\n")
      process.run { argv = lua "print 'o' io.stderr:write 'e\\n'", stdout = { "out" }, stderr = "stdout" }
      check.equal(fs.read "out", "o\ne\n")
      process.run { argv = lua "print 'o' io.flush() io.stderr:write 'e\\n'", log = "log" }
      process.run { argv = lua "print 'again'", log = "log" }
      check.equal(fs.read "log", "o\ne\nagain\n")
      status = process.run { argv = lua "print 'o' io.stderr:write 'e\\n'", log = "log2", stdout = "capture" }
      check.equal({ status.stdout, fs.read "log2" }, { "o\n", "e\n" })
    end,
  },
  {
    "what cannot be started says which part of it is missing",
    function()
      local err = check.raises(function()
        process.run { argv = { "no-such-program", "x" }, env = { PATH = "/none" } }
      end)
      check.equal({ err.code, err.path, err.argv }, { "ENOENT", "no-such-program", "no-such-program x" })
      err = check.raises(function()
        process.run { argv = lua "", cwd = "none" }
      end)
      check.equal({ err.code, err.path }, { "ENOENT", "none" })
      for part, command in pairs {
        ["`argv` is empty"] = { argv = {} },
        ["unknown option `cmd`"] = { argv = { "x" }, cmd = 1 },
        ["`stdout`: expected one of inherit, null, capture, stdout, got `away`"] = { argv = { "x" }, stdout = "away" },
        ["unknown resource"] = { argv = { "x" }, limits = { files = 1 } },
        ["not a number of seconds"] = { argv = { "x" }, timeout = -1 },
      } do
        err = check.raises(function()
          process.run(command)
        end, part)
        check.equal(err.code, "argument", part)
      end
    end,
  },
  {
    "input is bytes, zeros among them",
    function()
      local input = "a\0b\xff\n"
      check.equal(run({ argv = lua 'io.write(io.read "a")', input = input }).stdout, input)
    end,
  },
  {
    "where the kernel gives no descriptor of a child, the child does not go on",
    function()
      local status = run {
        argv = lua [[
          local fs, process, syscall = require "bq.fs", require "bq.process", require "bq.syscall"
          syscall.set_no_new_privs()
          syscall.seccomp { deny = { "pidfd_open" } }
          local wait = { process.executable(), "-e", "require('bq.process').wait_any()" }
          local ok, err = pcall(process.run, { argv = wait })
          print(ok, err.op, err.code)
          local own = tostring(syscall.getpid())
          for _, name in ipairs(fs.list "/proc") do
            local stat = name:match "^%d+$" and io.open("/proc/" .. name .. "/stat")
            if stat and (stat:read "a" or ""):match "^.*%) %u (%d+)" == own then
              print("child " .. name)
            end
          end
        ]],
      }
      check.equal(status.stdout, "false\tpidfd_open\tEPERM\n")
    end,
  },
  {
    "a program in a session of its own has the default signals, also under nohup",
    function()
      -- SIGPIPE is ignored by bq itself.
      local ignored = [[
        local text = require("bq.fs").read "/proc/self/status"
        print(tonumber(text:match "SigIgn:%s*(%x+)", 16) & 7)
      ]]
      local outer = ([[
        local process = require "bq.process"
        for _, session in ipairs { true, false } do
          process.run { argv = { process.executable(), "-e", %q }, session = session }
        end
      ]]):format(ignored)
      local shell = 'trap "" HUP INT QUIT; exec "$0" -e "$1"'
      check.equal(run({ argv = { "sh", "-c", shell, BQ, outer } }).stdout, "0\n7\n")
    end,
  },
  {
    "a program looked up in its own PATH",
    function()
      fs.symlink(BQ, "own-bq")
      check.equal(run({ argv = { "own-bq", "-e", "print(1)" }, env = { PATH = fs.cwd() } }).stdout, "1\n")
      check.equal(process.which("own-bq", "/none:" .. fs.cwd()), fs.cwd() .. "/own-bq")
      check.equal({ process.which("own-bq", "/none") == nil, process.which "./own-bq" }, { true, "./own-bq" })
      fs.write("plain", "")
      check.equal(process.which("plain", fs.cwd()), nil)
    end,
  },
  {
    "a time limit ends the program and what it started",
    function()
      local status = overdue(lua(
        [[
        local process = require "bq.process"
        local child = process.spawn { argv = { arg[1], "-e", arg[2] } }
        io.write(child) io.flush()
        process.wait_any()
      ]],
        BQ,
        WAIT
      ))
      check.equal({ status.ok, status.timed_out, status.signal }, { false, true, "TERM" })
      local child = tonumber(status.stdout)
      eventually("the end of the grandchild", function()
        return is_gone(child)
      end)
    end,
  },
  {
    "who does not end by TERM ends by KILL",
    function()
      local status = overdue(lua [[
        local process = require "bq.process"
        process.catch_signals { "TERM" }
        io.write "ready" io.flush()
        while true do process.wait_any() end
      ]])
      check.equal({ status.timed_out, status.signal }, { true, "KILL" })
    end,
  },
  {
    "many at once: wait_any answers for each, once",
    function()
      local running = {}
      for code = 1, 6 do
        running[process.spawn { argv = lua("os.exit(tonumber(...))", tostring(code)) }] = code
      end
      local sum = 0
      while next(running) do
        local status = process.wait_any()
        check.equal(status.code, running[status.pid])
        sum, running[status.pid] = sum + status.code, nil
      end
      check.equal(sum, 21)
      check.equal(process.wait_any { timeout = 0 }, nil)
    end,
  },
  {
    "only run takes input and captures",
    function()
      for _, command in ipairs { { argv = lua "", input = "x" }, { argv = lua "", stdout = "capture" } } do
        check.raises(function()
          process.spawn(command)
        end, "only `run` takes `input` and captures output")
      end
    end,
  },
  {
    "signals go to one, to a group, or to nobody",
    function()
      local pid = process.spawn { argv = lua(READY), stdout = { "ready1" } }
      eventually("the child", function()
        return fs.read "ready1" == "ready"
      end)
      check.truthy(process.kill(pid, "0"))
      check.truthy(process.kill(pid, "KILL"))
      local status = process.wait_any()
      check.equal({ status.pid, status.signal, status.ok }, { pid, "KILL", false })
      check.equal(process.kill(pid, "TERM"), false)
      pid = process.spawn {
        argv = lua(
          [[
          local process = require "bq.process"
          io.write(process.spawn { argv = { arg[1], "-e", arg[2] } }) io.flush()
          process.wait_any()
        ]],
          BQ,
          WAIT
        ),
        group = true,
        stdout = { "group" },
      }
      eventually("the grandchild", function()
        return #fs.read "group" > 0
      end)
      local grandchild = tonumber(fs.read "group")
      check.truthy(process.kill(-pid, "KILL"))
      check.equal(process.wait_any().signal, "KILL")
      eventually("the end of the group", function()
        return is_gone(grandchild)
      end)
      check.raises(function()
        process.kill(pid, "NONSENSE")
      end, "unknown signal `NONSENSE`")
    end,
  },
  {
    "a caught signal wakes wait_any, and children start without it",
    function()
      local status = run {
        argv = lua(
          [[
          local process, syscall = require "bq.process", require "bq.syscall"
          process.catch_signals { "USR1", "USR2" }
          process.kill(syscall.getpid(), "USR2")
          print(process.wait_any().caught)
          local child = process.spawn { argv = { arg[1], "-e", "local s = require 'bq.syscall' require('bq.process').kill(s.getpid(), 'USR1')" } }
          local status = process.wait_any()
          print(status.pid == child, status.signal)
        ]],
          BQ
        ),
      }
      check.equal(status.stdout, "USR2\ntrue\tUSR1\n")
    end,
  },
  {
    "a caught signal does not wait for children that have ended",
    function()
      local status = run {
        argv = lua(
          [[
          local process, syscall, fs = require "bq.process", require "bq.syscall", require "bq.fs"
          process.catch_signals { "USR1" }
          local child = process.spawn { argv = { arg[1], "-e", "" } }
          repeat until fs.read(("/proc/%d/stat"):format(child)):find "%) Z"
          process.kill(syscall.getpid(), "USR1")
          print(process.wait_any().caught, process.wait_any().pid == child)
        ]],
          BQ
        ),
      }
      check.equal(status.stdout, "USR1\ttrue\n")
    end,
  },
  {
    "die_with_parent",
    function()
      local parent = process.spawn {
        argv = lua(
          [[
          local process = require "bq.process"
          io.write(process.spawn { argv = { arg[1], "-e", arg[2] }, die_with_parent = true, session = true }) io.flush()
          process.wait_any()
        ]],
          BQ,
          WAIT
        ),
        stdout = { "dies" },
      }
      eventually("the grandchild", function()
        return #fs.read "dies" > 0
      end)
      process.kill(parent, "KILL")
      process.wait_any()
      local grandchild = tonumber(fs.read "dies")
      eventually("its end", function()
        return is_gone(grandchild)
      end)
    end,
  },
  {
    "a session of its own",
    function()
      local code =
        "local s = tonumber(require('bq.fs').read('/proc/self/stat'):match '%) %a %d+ %d+ (%d+)') print(s == require('bq.syscall').getpid())"
      check.equal(run({ argv = lua(code), session = true }).stdout, "true\n")
      check.equal(run({ argv = lua(code) }).stdout, "false\n")
    end,
  },
  {
    "limits",
    function()
      local code = "print(require('bq.fs').read('/proc/self/limits'):match 'Max open files%s+(%d+)%s+(%d+)')"
      check.equal(run({ argv = lua(code), limits = { nofile = 64, core = 0 } }).stdout, "64\t64\n")
      -- SIGXFSZ is ignored by nobody: a file that grows too large ends the program.
      local status = run { argv = lua "io.open('big', 'w'):write(('x'):rep(100000))", limits = { fsize = 10 } }
      check.truthy(not status.ok)
    end,
  },
  {
    "descriptors: none but those that are passed",
    function()
      local code = [[
        local fds = require("bq.fs").list "/proc/self/fd"
        print(table.concat(fds, " "))
      ]]
      -- The last one is the folder that is being listed.
      local file <close> = assert(io.open("held", "w"))
      check.truthy(file)
      check.equal(run({ argv = lua(code) }).stdout, "0 1 2 3\n")
      local fd = syscall.open_path "."
      local shown = run({ argv = lua(code), pass = { fd } }).stdout
      check.truthy((" " .. shown):find((" %d[ \n]"):format(fd:number())), shown)
      syscall.close(fd)
      local err = check.raises(function()
        run { argv = lua "", pass = { fd } }
      end)
      check.equal(err.code, "EBADF")
    end,
  },
  {
    "a pipe: what is written is a program's input; nobody there to read is an error",
    function()
      local reader, writer = table.unpack(syscall.pipe())
      local pid = process.spawn { argv = lua 'io.open("got", "w"):write(io.read "l"):close()', stdin = reader }
      syscall.close(reader)
      check.equal(syscall.write(writer, "a line\n"), 7)
      check.equal(process.wait_any().pid, pid)
      check.equal(fs.read "got", "a line")
      check.equal(
        check.raises(function()
          syscall.write(writer, "nobody")
        end).code,
        "EPIPE"
      )
      syscall.close(writer)
      check.equal(
        check.raises(function()
          syscall.write(writer, "closed")
        end).code,
        "EBADF"
      )
    end,
  },
  {
    "tokens of a jobserver are put and taken, and nothing waits",
    function()
      local server = process.jobserver()
      check.equal({ server:available(), server:take(5) }, { 0, 0 })
      check.equal({ server:put(300), server:available(), server:take(299), server:take(5) }, { 300, 300, 299, 1 })
      local most = server:put(1 << 20)
      check.truthy(most >= 4096 and most < 1 << 20, most)
      check.equal({ server:put(1), server:take(1 << 20), server:available() }, { 0, most, 0 })
      server:close()
      server:close()
      check.raises(function()
        server:put(1)
      end, "it is closed")
      check.raises(function()
        process.jobserver().put(1, -1)
      end)
    end,
  },
  {
    "a child takes a token of the jobserver, and gives it back; how it sets its ends does not count",
    function()
      local server = process.jobserver()
      server:put(1)
      local status = run {
        argv = lua(
          [[
          local inp, out = io.open("/proc/self/fd/" .. arg[1], "r"), io.open("/proc/self/fd/" .. arg[2], "w")
          io.write(inp:read(1))
          out:write "+"
          out:close()
        ]],
          tostring(server.fds[1]),
          tostring(server.fds[2])
        ),
        pass = server.fds,
      }
      check.equal({ status.ok, status.stdout }, { true, "+" })
      check.equal({ server:take(1), server:take(1) }, { 1, 0 })
    end,
  },
  {
    "fork, reap and exit",
    function()
      local child = process.fork()
      if child == 0 then
        process.exit(9)
      end
      local status = process.reap(child)
      check.equal({ status.pid, status.code, status.ok }, { child, 9, false })
    end,
  },
  {
    "what ends while another one is reaped is no child any more",
    function()
      local status = run {
        argv = lua [[
          local fs, process = require "bq.fs", require "bq.process"
          local other = process.spawn { argv = { process.executable(), "-e", "" } }
          local child = process.fork()
          if child == 0 then
            -- It has ended, or was reaped already.
            local is_there, text = true, ""
            while is_there and not text:find ") Z" do
              is_there, text = pcall(fs.read, ("/proc/%d/stat"):format(other))
            end
            process.exit(0)
          end
          process.reap(child)
          print(process.wait_any { timeout = 0 }, process.kill(other, "0"))
        ]],
        stderr = "capture",
      }
      check.equal({ status.stdout, status.stderr }, { "nil\tfalse\n", "" })
    end,
  },
  {
    "reap takes in orphans' ends and passes signals on",
    function()
      local status = run {
        argv = lua [[
          local process, syscall = require "bq.process", require "bq.syscall"
          local first = process.fork()
          if first == 0 then
            process.catch_signals { "TERM" }
            process.kill(syscall.getppid(), "TERM")
            local woken = process.wait_any()
            process.exit(woken.caught == "TERM" and 5 or 6)
          end
          print(process.reap(first).code)
        ]],
      }
      check.equal(status.stdout, "5\n")
    end,
  },
  {
    "a signal between fork and reap is passed on, and none is held back after",
    function()
      local status = run {
        argv = lua(
          [[
          local process, syscall, fs = require "bq.process", require "bq.syscall", require "bq.fs"
          -- What the caller of the tests ignores, as nohup does, ends nobody.
          local ignored = tonumber(fs.read("/proc/self/status"):match "SigIgn:%s*(%x+)", 16)
          for number, name in pairs { [15] = "TERM", [2] = "INT", [1] = "HUP", [3] = "QUIT" } do
            local child = ignored & 1 << (number - 1) == 0 and process.fork()
            if child == 0 then
              process.exec { argv = { arg[1], "-e", arg[2] } }
            end
            if child then
              process.kill(syscall.getpid(), name)
            end
            assert(not child or process.reap(child).signal == name)
          end
          print(fs.read("/proc/self/status"):match "SigBlk:%s*(%x+)")
        ]],
          BQ,
          WAIT
        ),
      }
      check.equal(status.stdout, "0000000000000000\n")
    end,
  },
  {
    "who wants to die with a parent that has gone already dies at once",
    function()
      local status = run {
        argv = lua [[
          local process, syscall = require "bq.process", require "bq.syscall"
          local reader, writer = table.unpack(syscall.pipe())
          local parent = process.fork()
          if parent == 0 then
            local own, child = syscall.getpid(), process.fork()
            if child == 0 then
              while syscall.getppid() == own do
                process.wait_any { timeout = 0.001 }
              end
              syscall.set_parent_death_signal "KILL"
              syscall.write(writer, "it lives")
            end
            process.exit(0)
          end
          process.reap(parent)
          syscall.close(writer)
          -- The end of what is in the pipe is the end of who could write to it.
          print(io.open("/proc/self/fd/" .. reader:number()):read "a")
          -- One whose parent is there is left alone.
          local child = process.fork()
          if child == 0 then
            syscall.set_parent_death_signal "KILL"
            process.exit(3)
          end
          print(process.reap(child).code)
        ]],
      }
      check.equal(status.stdout, "\n3\n")
    end,
  },
  {
    "exec replaces the program",
    function()
      local status =
        run { argv = lua("require('bq.process').exec { argv = { arg[1], '-e', 'print(2) os.exit(3)' } }", BQ) }
      check.equal({ status.stdout, status.code }, { "2\n", 3 })
      local err = check.raises(function()
        process.exec { argv = { "no-such-program" }, env = { PATH = "/none" } }
      end)
      check.equal(err.code, "ENOENT")
    end,
  },
}
