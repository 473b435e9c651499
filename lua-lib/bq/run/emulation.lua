-- Programs of another architecture, run by an emulator that the kernel starts for them: `binfmt_misc`, registered in the user namespace
-- of a build, so that nothing of the machine is changed and all is gone when the build ends. The kernel has to be 6.7 or newer.
--   docs.kernel.org/admin-guide/binfmt-misc.html
local elf = require "bq.elf"
local fail = require "bq.fail"
local files = require "bq.files"
local fs = require "bq.fs"
local hint = require "bq.hint"
local log = require "bq.log"
local syscall = require "bq.syscall"
local visible = require "bq.visible"

local emulation = {}

-- Where a machine has its own emulators.
local REGISTERED <const> = "/proc/sys/fs/binfmt_misc"
-- The first 20 bytes of the header of a program: ELF, 64 bits, little-endian, of version 1, any ABI, a program (2) or one that can be
-- loaded anywhere (3), and the machine. `man 5 elf`.
local HEADER <const> = "\x7fELF\x02\x01\x01" .. ("\0"):rep(9) .. "\x02\0%s\0"
local MASK <const> = ("\xff"):rep(7) .. "\0" .. ("\xff"):rep(8) .. "\xfe\xff\xff\xff"

--- The header of a program, as far as it is looked at.
local function header(arch)
  return HEADER:format(string.char(elf.NUMBERS[arch]))
end

--- Bytes as the kernel reads them in a registration.
local function escaped(bytes)
  return (bytes:gsub(".", function(byte)
    return ("\\x%02x"):format(byte:byte())
  end))
end

--- The emulator that this machine has registered for an architecture, if it can be used inside any root (flag `F`).
---@param arch string
---@return string? path as the machine has it
local function registered(arch)
  -- The machine is in the last two bytes.
  local machine = escaped(header(arch):sub(-2)):gsub("\\x", "")
  for _, name in ipairs(fs.stat(REGISTERED) and fs.list(REGISTERED) or {}) do
    local text = files.read(REGISTERED .. "/" .. name) or ""
    local magic = text:match "\nmagic (%x+)"
    if text:find "^enabled" and text:find "\nflags: %u*F" and magic and #magic == 40 and magic:sub(-4) == machine then
      return text:match "\ninterpreter ([^\n]+)"
    end
  end
end

---@class bq.run.Emulator
---@field arch string
---@field path? string the file to register; `nil` if the machine has one

--- An emulator, if it works here. If not, that is said.
---@param emulator bq.run.Emulator
---@param folder string to work in
---@return bq.run.Emulator?
function emulation.working(emulator, folder)
  local finding = require "bq.run.try_emulator"(emulator, folder)
  if finding.ok then
    return emulator
  end
  log.warn(("%s: %s"):format(finding.message, finding.cause))
  log.raw("hint: " .. (finding.hint or "name another one by `--emulator FILE`"))
end

--- The emulator of a workspace, if it works.
local function own(arch, workspace)
  local path, reason = require("bq.seed.emulator").of(workspace, arch)
  if reason then
    log.warn(reason)
  end
  return path and emulation.working({ arch = arch, path = fs.realpath(path) }, workspace.path)
end

--- Whether programs of an architecture want an emulator that this machine does not have.
---@param arch string
---@return boolean
function emulation.is_wanted(arch)
  return arch ~= syscall.uname().machine and not registered(arch)
end

--- The emulator for an architecture: the one that is named, or else that of the machine, or else that of the workspace.
---@param arch string
---@param named? string the file of `--emulator`
---@param workspace? bq.Workspace
---@return bq.run.Emulator? # `nil` if there is none, and if none is needed
function emulation.of(arch, named, workspace)
  if arch == syscall.uname().machine then
    return nil
  elseif not named and registered(arch) then
    return { arch = arch }
  elseif not named then
    return workspace and own(arch, workspace)
  end
  local stat = fs.stat(named)
  if not stat or stat.type ~= "file" then
    fail.usage(("`--emulator %s`: there is no such file"):format(named))
  end
  local found = elf.read(named)
  if not found or found.machine ~= syscall.uname().machine then
    fail.usage(("`--emulator %s`: it is no program for this machine"):format(named))
  elseif found.interpreter then
    fail.usage(
      ("`--emulator %s`: it is not static, so it cannot run in a root that lacks its libraries"):format(named),
      "Debian has static ones: `qemu-user` from trixie on, `qemu-user-static` before"
    )
  end
  return { arch = arch, path = fs.realpath(named) }
end

--- The line that registers an emulator: for programs by the begin of their file (`M`), opened once for all roots (`F`).
---@param arch string of the programs
---@param path string of the emulator
---@return string
function emulation.line(arch, path)
  return (":bq-%s:M:0:%s:%s:%s:F"):format(arch, escaped(header(arch)), escaped(MASK), path)
end

--- Registers an emulator in this user namespace. It stays as long as something is mounted there.
---@param emulator bq.run.Emulator
---@param place string a folder to mount at
function emulation.register(emulator, place)
  if not emulator.path then
    return
  end
  local ok, err = pcall(syscall.mount, { source = "binfmt_misc", target = place, type = "binfmt_misc" })
  if not ok then
    fail.raise("no emulator can be registered", { cause = err, hint = hint.of("binfmt", err) })
  end
  local function no(cause)
    fail.raise(("the kernel does not take `%s` as an emulator"):format(visible(emulator.path)), { cause = cause })
  end
  -- A path may have any character, the name of an open file has none that means something. The kernel opens it at once.
  local is_open, opened = pcall(syscall.open_path, emulator.path)
  if not is_open then
    no(opened)
  end
  local file = assert(io.open(place .. "/register", "w"))
  local written, why = file:write(emulation.line(emulator.arch, ("/proc/self/fd/%d"):format(opened:number())))
  local closed, later = file:close()
  syscall.close(opened)
  if not (written and closed) then
    no(why or later)
  end
end

return emulation
