#!/usr/bin/env bq
-- Says whether this machine can build, and what to do if it cannot.
local args = require "bq.args"
local elf = require "bq.elf"
local emulated = require "bq.run.emulated"
local emulation = require "bq.run.emulation"
local fail = require "bq.fail"
local fs = require "bq.fs"
local log = require "bq.log"
local preflight = require "bq.run.preflight"
local process = require "bq.process"
local syscall = require "bq.syscall"
local tables = require "bq.tables"
local try_emulator = require "bq.run.try_emulator"
local workspace = require "bq.workspace"

local options = args.parse({
  group = "machine",
  about = "Tries what a build needs of this machine, and names what it refuses.",
  usage = "bq scripts/doctor.lua [OPTIONS]",
  options = {
    { name = "workspace", value = "DIR", help = "where the build would be [default: data/sysroot]" },
    { name = "arch", value = "ARCH", help = "of a plan: whether what it builds can be run here" },
    emulated.OPTION,
  },
}, arg)

local space = workspace.new(options.workspace)
local folder = space.path
-- The nearest existing folder above the workspace, since the doctor makes no folders.
while not fs.stat(folder) do
  folder = folder:match "^(.+)/[^/]+$" or "/"
end
local uname = syscall.uname()
log.out(("Linux %s on %s, user %d, %d cores"):format(uname.release, uname.machine, syscall.geteuid(), process.cores()))

local bad = 0
local findings = preflight.run(folder)
local arch = options.arch or uname.machine
if options.emulator and arch == uname.machine then
  fail.usage("`--emulator` is for programs of another architecture", "name that: `--arch ARCH`")
end
if not elf.NUMBERS[arch] then
  fail.usage(("`--arch %s`: bq builds for %s"):format(arch, table.concat(tables.names(elf.NUMBERS), " and ")))
elseif arch ~= uname.machine then
  local emulator = emulation.of(arch, options.emulator, space)
  findings[#findings + 1] = emulator and try_emulator(emulator, folder)
    or {
      name = "no emulator",
      ok = false,
      message = ("there is no emulator for programs of %s yet"):format(arch),
      hint = ("`bq scripts/build_sysroot.lua --arch %s%s` fetches one"):format(arch, space:option()),
    }
end
for _, finding in ipairs(findings) do
  log.out(("%-7s %s"):format(finding.ok and "ok" or finding.fatal and "no" or "poor", finding.message))
  if finding.cause then
    log.out("        caused by: " .. tostring(finding.cause))
  end
  if finding.hint then
    log.out("        hint: " .. finding.hint)
  end
  bad = bad + ((finding.fatal or finding.name == "emulator" and not finding.ok) and 1 or 0)
end
for _, name in ipairs { "alpine", "debian" } do
  local reason = require("bq.seed." .. name).reason_against(uname.machine)
  log.out(("%-7s seed %s%s"):format(reason and "-" or "ok", name, reason and ": " .. reason or ""))
end
if bad > 0 then
  fail.exit(1)
end
