-- The emulator that comes with bq's Debian seed: a static qemu, whose package is named by a lock that is shipped for this
-- machine's architecture. It is fetched when a plan for another architecture is made, as the seed is, and named in the workspace's
-- lock.
local archive = require "bq.archive"
local debian = require "bq.seed.debian"
local debian_lock = require "bq.seed.debian_lock"
local digest = require "bq.digest"
local elf = require "bq.elf"
local fail = require "bq.fail"
local files = require "bq.files"
local fs = require "bq.fs"
local log = require "bq.log"
local syscall = require "bq.syscall"

local emulator = {}

--- The package that has it. Its programs are in `usr/bin`, one for each architecture.
emulator.PACKAGE = "qemu-user"
local FILE <const> = "qemu-%s"

---@param workspace bq.Workspace
---@param arch string
local function place(workspace, arch)
  return workspace:at("seed/emulator", FILE:format(arch))
end

--- Has the emulator for an architecture in the workspace.
---@param workspace bq.Workspace
---@param arch string of the programs
---@param choices bq.SeedChoices
---@return { path: string, lock: { arch: string, sha256: string, packages: bq.DebianPackage[] } }? # `nil` if no lock of it comes with bq
function emulator.obtain(workspace, arch, choices)
  local lock = debian_lock.shipped(syscall.uname().machine, emulator.PACKAGE)
  if not lock then
    return nil
  end
  debian.fetch(workspace, lock, nil, choices)
  local path, aside = place(workspace, arch), workspace:at "seed/emulator/new"
  fs.remove_all(aside)
  fs.mkdir(aside)
  archive.extract {
    path = debian.path_of(workspace, lock.packages[1]),
    target = aside,
    profile = "rootfs",
    attributes = "collect",
    strip = 2,
    include = { FILE:format(arch) },
  }
  local program = ("%s/%s"):format(aside, FILE:format(arch))
  local found = fs.lstat(program) and elf.read(program)
  if not found or found.interpreter or #found.needed > 0 then
    fail.raise(("the package `%s` has no static emulator for %s"):format(files.name(lock.packages[1].pool), arch))
  end
  fs.rename(program, path)
  fs.remove_all(aside)
  log.info(("programs of %s are run by `%s`"):format(arch, files.name(lock.packages[1].pool)))
  return { path = path, lock = { arch = arch, sha256 = digest.file(path), packages = lock.packages } }
end

--- The emulator that a workspace has for an architecture.
---@param workspace bq.Workspace
---@param arch string of the programs
---@return string? path `nil` if it has none
function emulator.of(workspace, arch)
  local lock, path = workspace:locked().emulator, place(workspace, arch)
  if not lock or lock.arch ~= arch or not fs.stat(path) then
    return nil
  elseif digest.file(path) ~= lock.sha256 then
    fail.raise(
      ("`%s` is not the emulator of the lock"):format(path),
      { hint = "fetch it anew: `bq scripts/build_sysroot.lua`" }
    )
  end
  return path
end

return emulator
