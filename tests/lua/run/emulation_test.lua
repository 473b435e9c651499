-- Programs of another architecture: which emulator is taken, and how it is registered.
local check = require "check"
local emulation = require "bq.run.emulation"
local fs = require "bq.fs"
local process = require "bq.process"
local scratch = require "scratch"
local syscall = require "bq.syscall"

local OWN <const> = syscall.uname().machine
local OTHER <const> = OWN == "x86_64" and "aarch64" or "x86_64"

--- The begin of an ELF program, with an interpreter if one is named.
local function program(machine, interpreter)
  local header = "\x7fELF\x02\x01\x01" .. ("\0"):rep(9)
  local text = interpreter and interpreter .. "\0" or ""
  return header
    .. ("<I2I2I4I8I8I8I4I2I2I2I2I2I2"):pack(3, machine, 1, 0, 64, 0, 0, 64, 56, interpreter and 1 or 0, 64, 0, 0)
    .. (interpreter and ("<I4I4I8I8I8I8I8I8"):pack(3, 4, 120, 0, 0, #text, #text, 1) or "")
    .. text
end

local NUMBERS <const> = { x86_64 = 62, aarch64 = 183 }

check.run {
  {
    "programs of this machine need none",
    function()
      check.equal(emulation.of(OWN, "/nowhere"), nil)
    end,
  },
  {
    "one that is named has to be a static program of this machine",
    function()
      for name, case in pairs {
        ["no-file"] = { nil, "there is no such file" },
        ["no-program"] = { "#!/bin/sh\n", "it is no program for this machine" },
        ["other"] = { program(NUMBERS[OTHER]), "it is no program for this machine" },
        ["dynamic"] = { program(NUMBERS[OWN], "/lib/ld.so"), "it is not static" },
      } do
        if case[1] then
          scratch.write(name, case[1])
        end
        local ok, err = pcall(emulation.of, OTHER, name)
        check.equal({ ok, tostring(err):find(case[2], 1, true) ~= nil }, { false, true })
      end
      scratch.write("good", program(NUMBERS[OWN]))
      check.equal(emulation.of(OTHER, "good"), { arch = OTHER, path = fs.cwd() .. "/good" })
    end,
  },
  {
    -- The lines of QEMU's own script for both architectures, but for the name and the flag.
    "it is registered for static and position-independent programs, with any ABI",
    function()
      local mask =
        "\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\x00\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xfe\\xff\\xff\\xff"
      for arch, machine in pairs { aarch64 = "\\xb7\\x00", x86_64 = "\\x3e\\x00" } do
        check.equal(
          emulation.line(arch, "/qemu"),
          (":bq-%s:M:0:\\x7f\\x45\\x4c\\x46\\x02\\x01\\x01%s\\x02\\x00%s:%s:/qemu:F"):format(
            arch,
            ("\\x00"):rep(9),
            machine,
            mask
          )
        )
      end
    end,
  },
  {
    "a file that the kernel does not take is named",
    function()
      local folder = fs.cwd() .. "/root"
      for _, name in ipairs { "proc", "dev", "tmp" } do
        fs.mkdir(folder .. "/" .. name)
      end
      local status = process.run {
        argv = {
          process.executable(),
          "-e",
          [[
            local namespace = require "bq.run.namespace"
            local status = namespace.run {
              root = (...),
              emulator = { arch = select(2, ...), path = "/nowhere/qemu" },
              body = function() return 0 end,
            }
            os.exit(status.exit_status)
          ]],
          folder,
          OTHER,
        },
        stdout = "capture",
        stderr = "capture",
      }
      check.equal(status.exit_status, 125)
      local said = status.stderr
      check.equal(
        said:find("the kernel does not take `/nowhere/qemu` as an emulator", 1, true) ~= nil
          or said:find("no emulator can be registered", 1, true) ~= nil,
        true
      )
    end,
  },
}
