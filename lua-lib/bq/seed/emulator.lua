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
local FOLDER <const> = "seed/emulator"
-- What is being unpacked.
local NEW <const> = FOLDER .. "/new"

---@class bq.seed.EmulatorLock
---@field arch string of the programs that it runs
---@field sha256 string of the program
---@field packages bq.DebianPackage[]

--- Where the emulator of a lock is.
---@param workspace bq.Workspace
---@param lock bq.seed.EmulatorLock
---@return string
function emulator.path(workspace, lock)
  return workspace:at(FOLDER, ("%s-%s"):format(FILE:format(lock.arch), lock.sha256:sub(1, 16)))
end

--- Whether the file of a lock is there, and is the one.
local function is_there(workspace, lock)
  local path = emulator.path(workspace, lock)
  return fs.stat(path) ~= nil and digest.file(path) == lock.sha256
end

--- Has the emulator for an architecture in the workspace.
---@param workspace bq.Workspace
---@param arch string of the programs
---@param choices bq.SeedChoices
---@param before? bq.seed.EmulatorLock what the workspace has
---@return bq.seed.EmulatorLock? # `nil` if no lock of it comes with bq
function emulator.obtain(workspace, arch, choices, before)
  local lock = debian_lock.shipped(syscall.uname().machine, emulator.PACKAGE)
  if not lock then
    return nil
  end
  local package = lock.packages[1] --[[@as bq.DebianPackage]]
  local is_same = before and before.arch == arch and before.packages[1].sha256 == package.sha256
  if before and is_same and is_there(workspace, before) then
    return before
  end
  debian.fetch(workspace, lock, nil, choices)
  local aside = workspace:at(NEW)
  fs.remove_all(aside)
  fs.mkdir(aside)
  archive.extract {
    path = debian.path_of(workspace, package),
    target = aside,
    profile = "rootfs",
    attributes = "collect",
    strip = 2,
    include = { FILE:format(arch) },
  }
  local program = ("%s/%s"):format(aside, FILE:format(arch))
  local found = fs.lstat(program) and elf.read(program)
  if not found or found.interpreter or #found.needed > 0 then
    fs.remove_all(aside)
    fail.raise(("the package `%s` has no static emulator for %s"):format(files.name(package.pool), arch))
  end
  local made = { arch = arch, sha256 = digest.file(program), packages = lock.packages }
  fs.rename(program, emulator.path(workspace, made))
  fs.remove_all(aside)
  log.info(("programs of %s are run by `%s`"):format(arch, files.name(package.pool)))
  return made
end

--- The emulator that a workspace has for an architecture.
---@param workspace bq.Workspace
---@param arch string of the programs
---@return string? path `nil` if it has none
---@return string? reason why what it has cannot be used
function emulator.of(workspace, arch)
  local lock = workspace:locked().emulator
  if not lock or lock.arch ~= arch then
    return nil
  elseif not is_there(workspace, lock) then
    return nil,
      ("the emulator of the lock is not there; fetch it: `bq scripts/build_sysroot.lua%s`"):format(workspace:option())
  end
  return emulator.path(workspace, lock)
end

return emulator
