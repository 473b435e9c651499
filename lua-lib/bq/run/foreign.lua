-- Phases of a plan for another architecture that have to run what they build, and so need an emulator or workers of that architecture.
local json = require "bq.json"
local syscall = require "bq.syscall"

local foreign = {}

--- The variable that says inside of which architecture, other than this machine's, there are workers.
foreign.WORKERS = "BQ_SHARE_ARCH"

--- The phases that run programs of another architecture than this machine's, and those that are built on them.
---@param made table the plan
---@return table<string, boolean> # by name
function foreign.phases(made)
  local out = {}
  local is_foreign = made.arch ~= syscall.uname().machine
  for _, name in ipairs(made.phase_order) do
    local phase = made.phases[name]
    out[name] = is_foreign and phase.needs_native or false
    for _, base in ipairs(phase.base) do
      out[name] = out[name] or out[base] or false
    end
  end
  return out
end

--- The phases in whose roots there are programs of this machine: nobody of the plan's architecture can run these.
---@param made table the plan
---@return table<string, boolean> # by name
function foreign.mixed(made)
  local out = {}
  for _, name in ipairs(made.phase_order) do
    out[name] = false
    for _, base in ipairs(made.phases[name].base) do
      out[name] = out[name] or base ~= "seed" and made.phases[base].as ~= nil
    end
  end
  return out
end

--- Leaves these phases out of a plan, and the programs of this machine that only they run.
---@param made table the plan, which is changed
---@return string[] phases of the first kind
function foreign.leave_out(made)
  local names, steps, seen = {}, json.array {}, {}
  local out = foreign.phases(made)
  for _, step in ipairs(made.steps) do
    if made.phases[step.phase].as then
      out[step.phase] = true
    elseif not out[step.phase] then
      steps[#steps + 1] = step
    elseif not seen[step.phase] then
      seen[step.phase] = true
      names[#names + 1] = step.phase
    end
  end
  made.steps = steps
  return names
end

--- The architecture of workers that run what these phases build.
---@param made table the plan
---@param options table<string|integer, any> of the coordinator
---@return string? # `nil` if there are none, or none are needed
function foreign.workers(made, options)
  if made.arch == syscall.uname().machine then
    return nil
  elseif options.remote_execute and options.remote_bq then
    require("bq.stage.program").of(made.arch, options.remote_bq, "--remote-bq")
    return made.arch
  end
  return os.getenv(foreign.WORKERS)
end

return foreign
