-- Which bq goes into a root.
local check = require "check"
local fail = require "bq.fail"
local fs = require "bq.fs"
local host = require "bq.host"
local process = require "bq.process"
local program = require "bq.stage.program"
local syscall = require "bq.syscall"

local HERE <const> = syscall.uname().machine
local THERE <const> = HERE == "x86_64" and "aarch64" or "x86_64"
local MACHINES <const> = { x86_64 = 62, aarch64 = 183 }
local INTERPRETER <const> = "/lib/ld.so\0"

--- Writes an ELF file that says a version, or none.
local function make(path, changes)
  local header = ("<I2I2I4i8i8i8I4I2I2I2I2I2I2"):pack(
    changes.kind or 3,
    MACHINES[changes.arch or THERE],
    1,
    0,
    64,
    0,
    0,
    64,
    56,
    changes.interpreter and 1 or 0,
    0,
    0,
    0
  )
  local interp = ("<I4I4i8i8i8i8i8i8"):pack(3, 4, 120, 120, 120, #INTERPRETER, #INTERPRETER, 1) .. INTERPRETER
  local mark = changes.version == false and "" or ("\0bq version\0%s\0"):format(changes.version or host.version)
  fs.write(path, "\127ELF\2\1\1" .. ("\0"):rep(9) .. header .. (changes.interpreter and interp or "") .. mark)
end

local function refused(cause)
  local err = check.raises(function()
    program.of(THERE, "file")
  end)
  check.equal(fail.lines(err), {
    ("error: `file` is no bq for a root of %s"):format(THERE),
    "caused by: " .. cause,
    "hint: name a static bq of this version, built for that architecture",
  })
end

check.run {
  {
    "of a root that is for this machine: this bq, which says its version",
    function()
      check.equal(program.of(HERE), process.executable())
      check.equal(program.of(HERE, process.executable()), process.executable())
    end,
  },
  {
    "of another root: the one that is named, and none by itself",
    function()
      make("file", {})
      check.equal(program.of(THERE, "file"), "file")
      local err = check.raises(function()
        program.of(THERE)
      end)
      check.equal(fail.lines(err), {
        ("error: this bq is not for %s, and the root needs one that is"):format(THERE),
        ("hint: build the same version for it, `cargo build --release --target %s-unknown-linux-musl`, and name it by `--bq FILE`"):format(
          THERE
        ),
      })
    end,
  },
  {
    "what is no bq for the root is refused, with the reason",
    function()
      fs.write("file", "#!/bin/sh\n")
      refused "it is no program for Linux on a machine of 64 bits"
      make("file", { arch = HERE })
      refused("it is a program for " .. HERE)
      make("file", { kind = 1 })
      refused "it is no program, but an object file"
      make("file", { interpreter = true })
      refused "it is not static: it needs `/lib/ld.so`"
      make("file", { version = false })
      refused "it does not say that it is bq"
      make("file", { version = "0.0.1" })
      refused(("it is bq 0.0.1, and this is %s"):format(host.version))
      fs.remove "file"
      local err = check.raises(function()
        program.of(THERE, "file")
      end)
      check.equal({ err.status, fail.lines(err)[1] }, { 2, "error: `--bq file`: there is no such file" })
    end,
  },
}
