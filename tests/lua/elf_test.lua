-- ELF files of one's own making, and what is said of them.
local check = require "check"
local elf = require "bq.elf"
local fs = require "bq.fs"
local host = require "bq.host"
local process = require "bq.process"
local syscall = require "bq.syscall"

--- An ELF-64 file with a loader, a dynamic section and a table of strings, all loaded at 0x400000.
local function make(changes)
  local base <const>, strings = 0x400000, "\0libone.so\0libtwo.so\0self.so.1\0/lib:$ORIGIN/../x\0/loader\0"
  local function at(text)
    return strings:find(text, 1, true) - 1
  end
  local headers <const> = 64 + 3 * 56
  local dynamic_at = headers + #strings
  local dynamic = ""
  for _, pair in ipairs {
    { 1, at "libone.so" },
    { 1, at "libtwo.so" },
    { 14, at "self.so.1" },
    { 29, at "/lib:" },
    { 5, base + headers },
    { 10, #strings },
    { 0, 0 },
    { 1, at "self.so.1" },
  } do
    dynamic = dynamic .. ("<i8i8"):pack(pair[1], pair[2])
  end
  local function header(kind, offset, length)
    return ("<I4I4i8i8i8i8i8i8"):pack(kind, 4, offset, base + offset, base + offset, length, length, 8)
  end
  local size = dynamic_at + #dynamic
  return table.concat {
    "\127ELF\2\1\1" .. ("\0"):rep(9),
    ("<I2I2I4i8i8i8I4I2I2I2I2I2I2"):pack(
      changes.kind or 3,
      changes.machine or 62,
      1,
      base,
      64,
      0,
      0,
      64,
      56,
      3,
      64,
      0,
      0
    ),
    header(1, 0, size),
    header(3, headers + at "/loader", 8),
    header(2, dynamic_at, #dynamic),
    strings,
    dynamic,
    changes.more or "",
  }
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
