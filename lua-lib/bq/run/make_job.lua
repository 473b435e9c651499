-- Makes the job for a step's process from the plan, the state of the build and the step's share of the slots.
local fail = require "bq.fail"
local foreign = require "bq.run.foreign"
local fs = require "bq.fs"
local identity = require "bq.source.identity"
local json = require "bq.json"
local key = require "bq.plan.key"
local of_machine = require "bq.plan.of_machine"
local step_root = require "bq.run.step_root"

--- The job of a step.
---@param run bq.Run
---@param step table
---@param inputs table what its key is the digest of
---@param folder string
---@param share? bq.Share `nil` if a worker builds it, which has slots of its own
---@return bq.Job
local function make_job(run, step, inputs, folder, share)
  local plan, space = run.plan, run.workspace
  local phase, built = plan.phases[step.phase], step.built or plan
  local sources = {}
  for name in pairs(step.sources) do
    local locked = run.state.context.locked[identity.id(step, name)]
    if not locked or not fs.stat(space:at("sources", locked.file)) then
      fail.raise(("the source of `%s` is not in the workspace"):format(step.id), {
        hint = ("fetch it: `bq scripts/build_sysroot.lua%s`"):format(space:option()),
      })
    end
    sources[name] = identity.unpacking(step, name, locked)
    sources[name].path, sources[name].sha256 = space:at("sources", locked.file), locked.sha256
  end
  local code = {}
  for name in pairs(step.code) do
    code[name] = plan.code[name]
  end
  local env = {}
  for name, value in pairs(phase.env) do
    env[name] = value
  end
  env.HOME = step_root.HOME
  env.SOURCE_DATE_EPOCH = tostring(plan.epoch)
  -- It is built as the plan of the machine that it is for says.
  local one = {}
  for field, value in pairs(step) do
    one[field] = value
  end
  one.id, one.phase = of_machine.id(plan, step), phase.as or step.phase
  return {
    step = one,
    key = key.of(inputs),
    inputs = inputs,
    folder = folder,
    lowers = run.state:lowers(step),
    seed_at = step.seed_at,
    sources = sources,
    code = code,
    env = env,
    arch = built.arch,
    kernel_arch = built.kernel_arch,
    target = built.target,
    prefix = phase.prefix,
    cross = not phase.needs_native,
    machine = foreign.phases(plan)[step.phase] and plan.arch or nil,
    sysroot = plan.sysroot,
    epoch = plan.epoch,
    jobs = run.jobs,
    makeflags = share and share.makeflags or "",
    pass = json.array(share and share.fds or {}),
    check = run.check or nil,
    observer = run.observer,
  }
end

return make_job
