-- A machine that is no QEMU: a program that prompts, reads and answers, as a shell on a serial console does.
local boot = require "bq.image.boot"
local check = require "check"
local console = require "bq.image.console"
local fs = require "bq.fs"
local process = require "bq.process"

local MACHINE <const> = [[
local function say(text) io.stdout:write(text) io.stdout:flush() end
say "booting\r\n\27[1mbq:~# "
for line in io.lines() do
  say(line .. "\r\n")
  if line == "poweroff" then os.exit(0) end
  if line == "die" then os.exit(3) end
  say(load("return " .. line)() .. "\r\nbq:~# ")
end
]]

local function run(steps, timeout)
  fs.write("serial", "", { sync = false })
  return console.run {
    argv = { process.executable(), "-e", MACHINE },
    serial = "serial",
    steps = steps,
    timeout = timeout or 600,
  }
end

check.run {
  {
    "waits, types, and sees the machine go off",
    function()
      local ended = run {
        { wait = "# " },
        { send = "20+22" },
        { wait = "42" },
        { wait = "# " },
        { send = "poweroff" },
      }
      check.equal(ended.off, true)
      check.contains(fs.read "serial", "20+22\r\n42\r\n")
    end,
  },
  {
    "ends the machine after the last text that it waits for",
    function()
      check.equal(run({ { wait = "booting" } }).off, false)
    end,
  },
  {
    "a text counts once, and only after those before it",
    function()
      check.contains(
        check.raises(function()
          run { { wait = "booting" }, { wait = "# " }, { send = "poweroff" }, { wait = "booting" } }
        end),
        "the machine ended before it said `booting`"
      )
      -- It waits for input for ever.
      check.contains(
        check.raises(function()
          run({ { wait = "# " }, { wait = "# " } }, 1)
        end),
        "the machine took longer than 1 s"
      )
    end,
  },
  {
    "a machine that ends before it said something, or badly",
    function()
      local early = check.raises(function()
        run { { wait = "# " }, { send = "poweroff" }, { wait = "never" } }
      end)
      check.contains(early, "the machine ended before it said `never`")
      check.contains(early, "  | bq:~# poweroff")
      check.contains(early, "its output is in `serial`")
      check.contains(
        check.raises(function()
          run { { wait = "# " }, { send = "die" } }
        end),
        "status 3"
      )
    end,
  },
  {
    "a machine that takes no input ends with the time, and one that ends while it is typed to says so",
    function()
      fs.write("serial", "", { sync = false })
      -- More than a pipe holds.
      local long = ("x"):rep(1 << 20)
      local steps = { { wait = "# " }, { send = long }, { wait = "never" } }
      local function deaf(code)
        return check.raises(function()
          console.run {
            argv = { "/bin/sh", "-c", "printf '# '; " .. code },
            serial = "serial",
            steps = steps,
            timeout = 1,
          }
        end)
      end
      local late = deaf "exec sleep 600"
      check.contains(late, "the machine took longer than 1 s")
      check.contains(late, "it did not take all of `xxxx")
      check.truthy(#tostring(late) < 1000)
      local early = deaf "exit 3"
      check.contains(early, "the machine ended before it took all of `xxxx")
      check.contains(early, "status 3")
    end,
  },
  {
    "what is typed wants something to wait for",
    function()
      local function steps(...)
        local ordered = {}
        for index, word in ipairs { ... } do
          local name, value = word:match "^(.-)=(.*)$"
          ordered[index] = { name = name, value = value }
        end
        return boot.steps(ordered, function()
          return true
        end)
      end
      check.equal(steps("wait-for=a", "type=1", "wait-for=b"), { { wait = "a" }, { send = "1" }, { wait = "b" } })
      -- What only waits moves nothing that is typed later.
      check.equal(
        steps("wait-for=a", "wait-for=b", "type=1", "wait-for=c"),
        { { wait = "a" }, { wait = "b" }, { send = "1" }, { wait = "c" } }
      )
      local run = steps("wait-for=a", "type=1", "run=id", "wait-for=c", "type=2")
      check.equal({ run[2], run[#run - 1], run[#run] }, { { send = "1" }, { wait = "c" }, { send = "2" } })
      check.truthy(#run > 6, #run)
      for _, words in ipairs { { "type=1" }, { "wait-for=a", "type=1", "type=2" }, { "run=id", "type=1" } } do
        check.contains(
          check.raises(function()
            steps(table.unpack(words))
          end),
          "wants a `--wait-for`"
        )
      end
    end,
  },
}
