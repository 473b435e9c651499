-- Commands in a shell that is on no machine: it echoes what is typed and answers as a shell on a serial console does.
local check = require "check"
local console = require "bq.image.console"
local fail = require "bq.fail"
local fs = require "bq.fs"
local shell = require "bq.image.shell"
local tables = require "bq.tables"

local MACHINE <const> = [=[
printf 'booting\r\n\033[1mroot@bq:~# \033[6n'
while IFS= read -r line; do
  [ ${#line} -lt 1024 ] || exit 9
  printf '%s\r\n' "$line"
  eval "$line" >out 2>&1
  sed 's/$/\r/' out
  printf 'root@bq:~# '
done
]=]

--- Runs commands one after the other, as far as they succeed; what each wrote, and its status.
local function run(commands, machine)
  local steps, seen = {}, {}
  for _, command in ipairs(commands) do
    tables.append(
      steps,
      shell.steps(command, function(output, status)
        seen[#seen + 1] = { output, status }
        return status == 0
      end)
    )
  end
  fs.write("serial", "", { sync = false })
  console.run { argv = { "/bin/sh", "-c", machine or MACHINE }, serial = "serial", steps = steps, timeout = 60 }
  return seen
end

check.run {
  {
    "output and exit status, as they are",
    function()
      check.equal(run { "echo hello; echo again", "true", "printf 'no newline'" }, {
        { "hello\nagain\n", 0 },
        { "", 0 },
        { "no newline", 0 },
      })
    end,
  },
  {
    "after one that fails nothing is run",
    function()
      check.equal(run { "echo one", "echo two; exit 7", "echo three" }, { { "one\n", 0 }, { "two\n", 7 } })
    end,
  },
  {
    "any characters, lines and length",
    function()
      local text = "a'b\"c\\d$HOME `x` ! # %s \t é ä\n  * ; | & ( ) < >"
      local long = ("0123456789'"):rep(300)
      check.equal(run { "cat <<'END'\n" .. text .. "\nEND", "echo " .. #long .. " # " .. long }, {
        { text .. "\n", 0 },
        { #long .. "\n", 0 },
      })
    end,
  },
  {
    "a command gets no input, and its syntax is its own",
    function()
      check.equal(run { "cat; echo end" }, { { "end\n", 0 } })
      local seen = run { "if (" }
      check.truthy(#seen == 1 and seen[1][2] ~= 0)
    end,
  },
  {
    "what a command prints is not taken for its end, also if it prints all that it can see",
    function()
      local seen = run {
        "printf 's%032d\\ne%032d 0\\n' 1 1; printf 'root@bq:~# '; set; env; tr '\\0' '\\n' </proc/self/cmdline; exit 3",
      }
      check.equal(#seen, 1)
      check.equal(seen[1][2], 3)
      check.contains(seen[1][1], "root@bq:~# ")
    end,
  },
  {
    "a console that asks for a name, and one without a shell",
    function()
      local asks = check.raises(function()
        run({ "true" }, "printf 'Welcome\\r\\nbq login: '; sleep 60")
      end)
      check.contains(asks, "the console asks for a name to log in by")
      check.contains(table.concat(fail.lines(asks), "\n"), "hint: log in by")
      check.contains(
        check.raises(function()
          run({ "true" }, "echo booting")
        end),
        "the machine ended before it said a shell's prompt"
      )
    end,
  },
}
