#!/usr/bin/env bq
-- Says whether this machine can build, and what to do if it cannot.
local args = require "bq.args"
local fail = require "bq.fail"
local fs = require "bq.fs"
local log = require "bq.log"
local preflight = require "bq.run.preflight"
local process = require "bq.process"
local syscall = require "bq.syscall"
local workspace = require "bq.workspace"

local options = args.parse({
  group = "machine",
  about = "Tries what a build needs of this machine, and names what it refuses.",
  usage = "bq scripts/doctor.lua [OPTIONS]",
  options = { { name = "workspace", value = "DIR", help = "where the build would be [default: data/sysroot]" } },
}, arg)

local folder = workspace.new(options.workspace).path
-- The nearest existing folder above the workspace, since the doctor makes no folders.
while not fs.stat(folder) do
  folder = folder:match "^(.+)/[^/]+$" or "/"
end
local uname = syscall.uname()
log.out(("Linux %s on %s, user %d, %d cores"):format(uname.release, uname.machine, syscall.geteuid(), process.cores()))

local bad = 0
for _, finding in ipairs(preflight.run(folder)) do
  log.out(("%-7s %s"):format(finding.ok and "ok" or finding.fatal and "no" or "poor", finding.message))
  if finding.cause then
    log.out("        caused by: " .. tostring(finding.cause))
  end
  if finding.hint then
    log.out("        hint: " .. finding.hint)
  end
  bad = bad + (finding.fatal and 1 or 0)
end
for _, name in ipairs { "alpine", "debian" } do
  local reason = require("bq.seed." .. name).reason_against(uname.machine)
  log.out(("%-7s seed %s%s"):format(reason and "-" or "ok", name, reason and ": " .. reason or ""))
end
if bad > 0 then
  fail.exit(1)
end
