-- ELF files of one's own making, and what is said of them.
local check = require "check"
local elf = require "bq.elf"
local fs = require "bq.fs"
local host = require "bq.host"
local process = require "bq.process"
local scratch = require "scratch"
local syscall = require "bq.syscall"

--- One with all that is read.
local function make(changes)
  local one = {
    needed = { "libone.so", "libtwo.so" },
    soname = "self.so.1",
    paths = "/lib:$ORIGIN/../x",
    interpreter = "/loader",
  }
  for name, value in pairs(changes) do
    one[name] = value
  end
  return scratch.elf(one)
end

local function read(bytes)
  fs.write("file", bytes, { sync = false })
  return elf.read "file"
end

check.run {
  {
    "a library says its machine, loader, folders and needs",
    function()
      local bytes = make {}
      check.equal(read(bytes), {
        machine = "x86_64",
        kind = "dyn",
        interpreter = "/loader",
        needed = { "libone.so", "libtwo.so" },
        soname = "self.so.1",
        paths = { "/lib", "$ORIGIN/../x" },
        size = #bytes,
      })
      local other = read(make { kind = 2, machine = 183, more = "a payload" })
      check.equal({ other.machine, other.kind, other.size }, { "aarch64", "exec", #bytes })
      check.equal(read(make { machine = 8 }).machine, 8)
      check.equal({ elf.machine(make { kind = 1 }) }, { "x86_64", "rel" })
    end,
  },
  {
    "bq's own program is one",
    function()
      local found = elf.read(process.executable())
      check.equal({ found.machine, found.kind, found.needed }, { syscall.uname().machine, "dyn", {} })
      check.equal(found.size, fs.stat(process.executable()).size)
    end,
  },
  {
    "what is none is none, wherever it is cut off",
    function()
      check.equal(elf.read(host.script), nil)
      check.equal(elf.machine "text", nil)
      local bytes = make {}
      for length = 0, #bytes - 1, 7 do
        local found = read(bytes:sub(1, length))
        check.truthy(length >= 64 + 3 * 56 and found or found == nil, tostring(length))
      end
      -- A table of headers that cannot be.
      check.equal(read(bytes:sub(1, 32) .. ("<i8"):pack(1 << 60) .. bytes:sub(41)), nil)
    end,
  },
}
