-- What is said of another architecture: by people who name an emulator, to the coordinator inside, and to the programs of a step.
-- Programs that mostly need no emulator load no more than this.
local fs = require "bq.fs"
local jobs = require "bq.run.job"
local syscall = require "bq.syscall"

local emulated = {}

--- The option of programs that run what is built for another architecture (`bq.run.emulation`).
---@type bq.Option
emulated.OPTION = {
  name = "emulator",
  value = "FILE",
  once = true,
  help = "a static qemu that runs programs of the plan's architecture",
}

--- The variable that says which programs an emulator runs inside: those of this architecture.
emulated.VARIABLE = "BQ_EMULATES"

-- What programs find in the kernel's /proc/cpuinfo that look at it: a line of one processor, with what each machine of the architecture
-- has. The names are those of arch/arm64/kernel/cpuinfo.c and arch/x86/kernel/cpu/proc.c.
local PROCESSORS <const> = {
  aarch64 = "processor\t: 0\nFeatures\t: fp asimd\nCPU architecture: 8\n\n",
  x86_64 = "processor\t: 0\nvendor_id\t: unknown\nflags\t\t: fpu tsc cx8 cmov mmx fxsr sse sse2 syscall nx lm\n\n",
}

--- The architecture of what a step runs.
---@param job bq.Job
---@return string? # `nil` if it is this machine's
function emulated.machine(job)
  return job.machine ~= syscall.uname().machine and job.machine or nil
end

--- What the root of such a step has as /proc/cpuinfo, for programs that are not emulated, too.
---@param root bq.StepRoot
---@return bq.Bind
function emulated.cpuinfo(root)
  local path = jobs.paths(root.folder).cpuinfo
  fs.write(path, PROCESSORS[root.machine], { sync = false })
  return { source = path, target = "/proc/cpuinfo", readonly = true }
end

return emulated
