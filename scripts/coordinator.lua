#!/usr/bin/env bq
-- Builds the plan: enters the staged rootfs if it is outside, and builds the steps that are not in the store.
local args = require "bq.args"
local elsewhere = require "bq.run.elsewhere"
local emulated = require "bq.run.emulated"
local events = require "bq.events"
local foreign = require "bq.run.foreign"
local log = require "bq.log"
local process = require "bq.process"
local progress = require "bq.progress"
local refresh = require "bq.stage.refresh"
local share_options = require "bq.share.options"
local state = require "bq.run.state"
local syscall = require "bq.syscall"
local tables = require "bq.tables"
local trees = require "bq.run.trees"
local workspace = require "bq.workspace"

local OPTIONS <const> = tables.append({
  { name = "workspace", value = "DIR", help = "the folder of the build [default: data/sysroot]", once = true },
  {
    name = "jobs",
    value = "N",
    number = true,
    help = "how many commands may run at once; the number of cores if absent",
  },
  { name = "keep-going", help = "when a step fails, go on with what does not need it" },
  { name = "keep-build", help = "keep the build trees of steps that are done" },
  { name = "check", help = "run the packages' own tests" },
  { name = "log-limit", value = "MIB", number = true, help = "end a step whose log grows larger [default: 256]" },
}, share_options.OPTIONS)
OPTIONS[#OPTIONS + 1] = emulated.OPTION
OPTIONS[#OPTIONS + 1] = events.OPTION
local options = args.parse({
  group = "make",
  about = "Builds every step of the plan that is not in the store.",
  usage = "bq scripts/coordinator.lua [OPTIONS]",
  options = OPTIONS,
}, arg)

local space = workspace.new(options.workspace)
space:require_own()
local plan = space:plan(true)
space:create()
space:lock()
local command
plan, command = refresh(space, plan)

local is_foreign = plan.arch ~= syscall.uname().machine
-- Who entered has looked for an emulator, and says by the variable what came of it.
local is_entered = is_foreign and require("bq.run.enter").is_entered(space)
local emulator = is_foreign and not is_entered and require("bq.run.emulation").of(plan.arch, options.emulator, space)
  or nil
local is_emulated = emulator ~= nil or os.getenv(emulated.VARIABLE) == plan.arch
local worker_arch = foreign.workers(plan, options)
local left_out = is_foreign and not (is_emulated or worker_arch) and foreign.leave_out(plan) or {}
if #left_out > 0 and not is_entered then
  log.warn(
    ("left out: %s, since what is built has to run there: `bq scripts/build_sysroot.lua%s` fetches an emulator for %s, `--emulator FILE` names one, and workers build it by `--remote-execute --remote-bq FILE`"):format(
      table.concat(left_out, ", "),
      space:option(),
      plan.arch
    )
  )
end
local build = state.new(space, plan)
local bar = progress.bar { label = "look into the store" }
local done = build:look()
bar:finish()
do
  local sweeping <close> = progress.bar { label = "remove old build trees" }
  trees.new(space):sweep(build.states)
end
if done == #plan.steps and elsewhere.is_complete(build) then
  log.info(("nothing to do: all %d steps are in the store"):format(#plan.steps))
  return
end

-- What builds is loaded now: loading it takes longer than to see that there is nothing to do.
local agents = require "bq.share.agents"
local coordinator = require "bq.run.coordinator"
local display = require "bq.run.display"
local enter = require "bq.run.enter"
local fail = require "bq.fail"
local finished = require "bq.system.finished"
local stage = require "bq.stage.stage"

if enter.is_entered(space) then
  local can_finish = finished.is_own(plan) or #plan.finish > 0
  local run = coordinator.new {
    state = build,
    display = display.new { next = can_finish and "bq scripts/finish.lua" or "bq scripts/status.lua" },
    jobs = options.jobs or process.cores(),
    keep_going = options.keep_going,
    keep_build = options.keep_build,
    check = options.check,
    log_limit = options.log_limit,
    foreign = not is_emulated and foreign.phases(plan) or nil,
  }
  if not run:run() then
    fail.exit(1)
  end
else
  if not space.inside then
    stage.install(space:rootfs(), command)
  end
  local running = agents.start(space, options, worker_arch)
  space:unlock()
  local status = enter.coordinator(space, args.words(OPTIONS, options), agents.environment(running), emulator)
  agents.finish(running)
  fail.exit(status)
end
