local check = require "check"
local fail = require "bq.fail"
local failure = require "bq.run.failure"
local fs = require "bq.fs"
local json = require "bq.json"
local process = require "bq.process"
local scratch = require "scratch"

--- A log of these lines, and what is picked from it: each part as its number and its lines in one text.
local function picked(lines, count)
  scratch.write("log", table.concat(lines, "\n") .. "\n")
  local out = {}
  for index, part in ipairs(failure.excerpt("log", count or 2)) do
    out[index] = part.first .. ": " .. table.concat(part.lines, "|")
  end
  return out
end

--- So many lines that mean nothing.
local function noise(count, name)
  local out = {}
  for index = 1, count do
    out[index] = ("%s%d"):format(name, index)
  end
  return table.unpack(out)
end

check.run {
  -- First: a program that is started has the memory of this one for a moment.
  {
    "a line without end, and a log without end, take no room",
    function()
      local file = assert(io.open("log", "wb"))
      file:write "error: the first\n"
      for _ = 1, 64 do
        file:write(("x"):rep(1 << 20))
      end
      file:write "\nlast\n"
      file:close()
      local code = [[
        local failure = require "bq.run.failure"
        local parts = failure.excerpt("log", 20)
        print(#parts, #parts[1].lines, #parts[1].lines[2], parts[1].lines[3])]]
      local status = process.run { argv = { process.executable(), "-e", code }, stdout = "capture" }
      check.equal(status.stdout, "1\t3\t2000\tlast\n")
      check.truthy(status.max_memory < 60 << 20, status.max_memory)
      check.equal(failure.excerpt("none", 3), {})
    end,
  },
  {
    "what is written is read again, whatever bytes are in it",
    function()
      local err = fail.new("bad \xff", { cause = "worse", hint = "mend it" })
      err.command = { argv = { "cc", "\xfe" }, cwd = "/bq/build", code = 2 }
      failure.write("one.json", err)
      check.equal(failure.read "one.json", {
        lines = { "error: bad \u{fffd}", "caused by: worse", "hint: mend it" },
        command = { argv = { "cc", "\u{fffd}" }, cwd = "/bq/build", code = 2 },
      })
      failure.write("two.json", "text")
      check.equal(failure.read "two.json", { lines = { "error: text" } })
    end,
  },
  {
    "junk, wrong types, links, pipes, folders and too much are nothing, and end nothing",
    function()
      for index, text in ipairs {
        "",
        "{",
        "[]",
        "1",
        "null",
        '"text"',
        '{ "lines": "text" }',
        '{ "lines": [] }',
        '{ "lines": [1] }',
        '{ "lines": { "a": "b" } }',
        '{ "lines": [["a"]] }',
        json.encode { lines = { "a" }, more = ("x"):rep(1 << 24) },
        ("["):rep(100000),
      } do
        scratch.write("junk.json", text)
        check.equal(failure.read "junk.json", nil, index)
      end
      scratch.write("good.json", '{ "lines": ["a"] }')
      check.equal(failure.read "good.json", { lines = { "a" } })
      fs.symlink("good.json", "link.json")
      check.equal(failure.read "link.json", nil)
      check.equal(failure.read ".", nil)
      check.equal(failure.read "none.json", nil)
      check.truthy(process.run({ argv = { "mkfifo", "pipe.json" } }).ok)
      check.equal(failure.read "pipe.json", nil)
    end,
  },
  {
    "what is wrong is named, with its place",
    function()
      for text, wanted in pairs {
        ["{"] = "decode: ",
        ["[1]"] = "it is a list, expected a map",
        ['{ "lines": "text" }'] = "`lines` is a text, expected a list",
        ['{ "lines": [] }'] = "`lines` has 0 lines, expected 1 to 200",
        ['{ "lines": ["a", 1] }'] = "`lines[2]` is a number, expected a text",
        [json.encode { lines = { ("x"):rep(70000) } }] = "`lines[1]` has 70000 bytes, at most 65536 are allowed",
        ['{ "lines": ["a"], "command": 1 }'] = "`command` is a number, expected a map",
        ['{ "lines": ["a"], "command": { "argv": "x", "cwd": "/" } }'] = "`command.argv` is a text, expected a list",
        ['{ "lines": ["a"], "command": { "argv": ["x"] } }'] = "`command.cwd` is missing",
        ['{ "lines": ["a"], "command": { "argv": ["x"], "cwd": "/", "code": 256 } }'] = "`command.code` is 256, expected a number from 0 to 255",
        ['{ "lines": ["a"], "command": { "argv": ["x"], "cwd": "/", "signal": "no" } }'] = "`command.signal` is not the name of a signal",
      } do
        scratch.write("wrong.json", text)
        local found, problem = failure.read "wrong.json"
        check.equal(found, nil, text)
        check.contains(problem, "cannot read the failure of a step `wrong.json`\ncaused by: " .. wanted)
      end
    end,
  },
  {
    "a long command, long lines and many lines are written so that they can be read",
    function()
      local words, notes, long = {}, {}, ("\xff"):rep(100000)
      for index = 1, 20000 do
        words[index], notes[index] = ("object%d\xff"):format(index), long
      end
      local err = fail.new("`ld` failed", { notes = notes })
      err.command = { argv = words, cwd = "/bq/build", signal = "KILL" }
      failure.write("long.json", err)
      local found = assert(failure.read "long.json")
      check.equal({ #found.lines, #found.command.argv, found.command.signal }, { 200, 20000, "KILL" })
      check.equal({ found.lines[1], #found.lines[200] }, { "error: `ld` failed", 65535 })
    end,
  },
  {
    "the error is picked from the whole log, with what stands around it",
    function()
      check.equal(picked { noise(2, "a") }, { "1: a1|a2" })
      check.equal(picked { "one" }, { "1: one" })
      local lines = { noise(20, "a") }
      lines[5] = "x.c:1:2: error: no such thing"
      check.equal(picked(lines), { "3: a3|a4|x.c:1:2: error: no such thing|a6|a7|a8|a9", "19: a19|a20" })
      -- Errors near to each other stand together, and only the first of them count.
      lines[8] = "y.c:1:2: error: another"
      check.equal(
        picked(lines)[1],
        "3: a3|a4|x.c:1:2: error: no such thing|a6|a7|y.c:1:2: error: another|a9|a10|a11|a12"
      )
      -- What may be an error counts only where nothing is surely one.
      check.equal(
        picked({ "cat: x: No such file or directory", noise(9, "a") })[1],
        "1: cat: x: No such file or directory|a1|a2|a3|a4"
      )
      check.equal(
        #picked { "cat: x: No such file", noise(20, "a"), "b", "ld: undefined reference to `f'", noise(20, "c") },
        2
      )
      for _, line in ipairs {
        "make: *** [Makefile:3: all] Error 2",
        "ld.lld: error: undefined symbol: f",
        "a.o: undefined reference to `f'",
      } do
        check.contains(picked({ line, noise(20, "a") })[1], "1: " .. line)
      end
    end,
  },
  {
    "what the end shows anyway is not shown twice",
    function()
      check.equal(picked { "a", "error: here", "b", "c", "d" }, { "1: a|error: here|b", "4: c|d" })
      check.equal(picked { "a", "b", "error: here" }, { "1: a", "2: b|error: here" })
      check.equal(picked({ "error: here", "b" }, 5), { "1: error: here|b" })
    end,
  },
}
