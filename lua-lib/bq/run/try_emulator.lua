-- Tries whether this machine runs programs of another architecture, by a program of a few bytes in namespaces of its own.
local elf = require "bq.elf"
local files = require "bq.files"
local fs = require "bq.fs"
local host = require "bq.host"
local process = require "bq.process"
local tables = require "bq.tables"

-- What a program does that ends with this status: its instructions, by the manuals of the architectures, with the numbers of `exit` in
-- the kernel's asm-generic/unistd.h (93) and syscall_64.tbl (60).
local STATUS <const> = 42
local CODE <const> = {
  aarch64 = "\x40\x05\x80\xd2\xa8\x0b\x80\xd2\x01\x00\x00\xd4",
  x86_64 = "\xbf\x2a\x00\x00\x00\xb8\x3c\x00\x00\x00\x0f\x05",
}
-- Where it is in memory, and the sizes of the headers (`man 5 elf`).
local ADDRESS <const>, HEADER <const>, SEGMENT <const> = 0x400000, 64, 56
-- Enters a root, and runs the program there.
local ENTER <const> = [[
local root, arch, path = ...
local emulator = { arch = arch, path = path }
os.exit(require("bq.run.namespace").run({ root = root, emulator = emulator, argv = { "/program" } }).exit_status)
]]

--- A static program that ends with `STATUS`.
local function program(arch)
  local head, code = HEADER + SEGMENT, CODE[arch]
  return "\x7fELF\x02\x01\x01"
    .. ("\0"):rep(9)
    .. ("<I2I2I4I8I8I8I4I2I2I2I2I2I2"):pack(
      2,
      elf.NUMBERS[arch],
      1,
      ADDRESS + head,
      HEADER,
      0,
      0,
      HEADER,
      SEGMENT,
      1,
      0,
      0,
      0
    )
    .. ("<I4I4I8I8I8I8I8I8"):pack(1, 5, 0, ADDRESS, ADDRESS, head + #code, head + #code, 4096)
    .. code
end

--- Tries an emulator.
---@param emulator bq.run.Emulator
---@param parent string a folder to work in
---@return bq.Finding
local function try(emulator, parent)
  local folder = fs.mkdtemp(parent .. "/.probe-")
  for _, name in ipairs { "proc", "dev", "tmp" } do
    fs.mkdir(folder .. "/" .. name)
  end
  local path = folder .. "/program"
  fs.write(path, program(emulator.arch), { sync = false, mode = files.mode "0755" })
  local argv = tables.append({ process.executable() }, host.options)
  tables.append(argv, { "-e", ENTER, folder, emulator.arch, emulator.path })
  local status = process.run { argv = argv, stdout = "null", stderr = "capture" }
  fs.remove_all(folder)
  local by = emulator.path and ("`%s`"):format(emulator.path) or "the machine's emulator"
  if status.exit_status == STATUS then
    return { name = "emulator", ok = true, message = ("programs of %s are run by %s"):format(emulator.arch, by) }
  end
  -- The last cause is the first thing that went wrong.
  local cause, advice
  for line in (status.stderr or ""):gmatch "[^\n]+" do
    cause = line:match "^caused by: (.*)" or cause or line:match "^error: (.*)"
    advice = advice or line:match "^hint: (.*)"
  end
  return {
    name = "emulator",
    ok = false,
    message = ("programs of %s are not run by %s"):format(emulator.arch, by),
    cause = cause or ("it ended with status %d"):format(status.exit_status),
    hint = advice,
  }
end

return try
