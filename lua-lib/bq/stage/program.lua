-- The bq that goes into a root. It has to run there: it is of the root's architecture, static, and of this version.
local elf = require "bq.elf"
local fail = require "bq.fail"
local fs = require "bq.fs"
local host = require "bq.host"
local process = require "bq.process"

local program = {}

--- The option of programs that make roots.
program.OPTION = { name = "bq", value = "FILE", help = "the bq that goes into a root of another architecture" }

--- The version that a program file says it is of, see `MARK` in `src/host/mod.rs`; `nil` if it says none.
local function version(text)
  return text:match "%zbq version%z([^%z]+)%z"
end

--- Why a file cannot be the bq of a root; `nil` if it can.
---@param path string
---@param arch string
---@return string?
local function reason_against(path, arch)
  local found = elf.read(path)
  if not found then
    return "it is no program for Linux on a machine of 64 bits"
  elseif found.machine ~= arch then
    return ("it is a program for %s"):format(found.machine)
  elseif found.kind ~= "exec" and found.kind ~= "dyn" then
    return "it is no program, but an object file"
  elseif found.interpreter or #found.needed > 0 then
    return ("it is not static: it needs `%s`"):format(found.interpreter or found.needed[1])
  end
  local said = version(fs.read(path))
  if not said then
    return "it does not say that it is bq"
  elseif said ~= host.version then
    return ("it is bq %s, and this is %s"):format(said, host.version)
  end
end

--- The bq for a root: this program, if it is of the root's architecture, else the one that was named.
---@param arch string of the root
---@param named? string the file of the option
---@param option? string `--bq` if absent
---@return string path
function program.of(arch, named, option)
  local own = process.executable()
  if not named then
    local found = elf.read(own)
    if found and found.machine == arch then
      return own
    end
    fail.raise(("this bq is not for %s, and the root needs one that is"):format(arch), {
      hint = ("build the same version for it, `cargo build --release --target %s-unknown-linux-musl`, and name it by `--bq FILE`"):format(
        arch
      ),
    })
  end
  local stat = fs.stat(named)
  if not stat or stat.type ~= "file" then
    fail.usage(("`%s %s`: there is no such file"):format(option or "--bq", named))
  end
  local reason = reason_against(named, arch)
  if reason then
    fail.raise(("`%s` is no bq for a root of %s"):format(named, arch), {
      cause = reason,
      hint = "name a static bq of this version, built for that architecture",
    })
  end
  return named
end

return program
