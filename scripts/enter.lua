#!/usr/bin/env bq
-- Starts a shell in the root that was asked for, in the staged rootfs, in the root of a failed step, or in the outputs of a phase.

-- Nothing lives long here, and what is collected after a fork is copied first.
collectgarbage "stop"

local args = require "bq.args"
local emulated = require "bq.run.emulated"
local enter = require "bq.run.enter"
local fail = require "bq.fail"
local fs = require "bq.fs"
local syscall = require "bq.syscall"
local workspace = require "bq.workspace"

local options = args.parse({
  group = "look",
  about = "Runs a shell, or a command, in the root of a system or of what `--with` asked for, or else in the staged rootfs.",
  usage = "bq scripts/enter.lua [OPTIONS] [-- COMMAND...]",
  options = {
    { name = "system", help = "in the root of the packages that were asked for, and of all that they need to run" },
    { name = "staged", help = "in the staged rootfs, whatever was asked for" },
    { name = "step", value = "NAME", help = "in the root of a step that failed, its build tree as it was" },
    { name = "rootfs", value = "WHAT", help = "in what a phase made, or in another rootfs folder" },
    { name = "network", help = "with the machine's network" },
    emulated.OPTION,
    { name = "workspace", value = "DIR", help = "the folder of the build [default: data/sysroot]" },
  },
  rest = true,
}, arg)

local space = workspace.new(options.workspace)
local command = options.rest or {}
local shell = #command > 0 and command or { "/bin/sh" }

-- Modules that only some roots need are loaded later, since loading them takes longer than entering a root.

--- Finds a step by `zlib`, `system/zlib` or `system-zlib`: the one whose folder exists.
local function find_step(name)
  local find, job = require "bq.plan.find", require "bq.run.job"
  local found, known = {}, {}
  for _, one in ipairs(space:plan().steps) do
    local id = one.id
    if fs.stat(job.paths(job.folder(space, id)).job) then
      known[#known + 1] = id
      if find.is(one, name) then
        found[#found + 1] = id
      end
    end
  end
  if #found == 1 then
    return found[1]
  elseif #found > 1 then
    fail.usage(("`--step %s` may mean %s"):format(name, table.concat(found, " or ")))
  end
  local near = require "bq.nearest"(name, known)
  fail.usage(
    ("there is no build tree of a step `%s`"):format(name),
    near and ("did you mean `--step %s`?"):format(near)
      or #known > 0 and "there are those of " .. table.concat(known, ", ")
      or "only steps that failed have one; the others keep theirs with `bq scripts/coordinator.lua --keep-build`"
  )
end

--- The emulator for programs of the plan's architecture. Without a plan there are none.
---@param is_folder? boolean the root is not of the plan: only an emulator that is named is used
local function emulator(is_folder)
  local plan = (options.emulator or not is_folder and fs.stat(space:at "plan.json")) and space:plan()
  local is_foreign = plan and plan.arch ~= syscall.uname().machine
  return is_foreign and require("bq.run.emulation").of(plan.arch, options.emulator, space) or nil
end

local held ---@type bq.syscall.Descriptor?

local function enter_step(id)
  if not enter.is_entered(space) then
    local jobs = require "bq.run.job"
    -- Held until this program ends. The workspace itself may be in use by a build.
    held = jobs.enter(jobs.folder(space, id))
    if not held then
      fail.raise(("somebody is in the root of `%s`"):format(id), {
        cause = "it is being built, or another shell is in it",
        hint = "wait for that to end; its log so far: `bq scripts/log.lua " .. id .. space:option() .. "`",
      })
    end
    local argv = { "/usr/local/bin/bq", "/usr/local/bin/enter.lua", "--step", id, "--" }
    if options.network then
      table.insert(argv, 3, "--network")
    end
    require("bq.tables").append(argv, shell)
    return enter.command(
      enter.sandbox(space, { network = options.network, emulator = emulator() }),
      argv,
      enter.environment(space),
      "/"
    )
  end
  local step_root = require "bq.run.step_root"
  local jobs = require "bq.run.job"
  local folder = jobs.folder(space, id)
  local job = assert(jobs.read(folder))
  local env = require("bq.run.step").new(job).env
  env.PS1 = ("%s $ "):format(id)
  env.TERM = os.getenv "TERM"
  local root = step_root.of(job, env)
  if fs.stat(jobs.paths(folder).kept) then
    -- The step is done: its output is in the store, unless that was removed since.
    local output = require("bq.store").output(space, job.key)
    root.output = fs.stat(output) and output
    fs.mkdir(jobs.paths(folder).output)
  end
  local sandbox = step_root.sandbox(root, { network = options.network })
  return enter.command(sandbox, shell, env, step_root.BUILD)
end

--- The staged rootfs below a layer that is thrown away. Steps are built on the rootfs, so it must not change.
local function enter_staged()
  local sandbox = enter.sandbox(space, { network = options.network, emulator = emulator() })
  local root = sandbox.root
  fs.mkdir(space:at "build")
  local folder = fs.mkdtemp(space:at "build/enter-")
  for _, name in ipairs { "upper", "work", "root" } do
    fs.mkdir(folder .. "/" .. name)
  end
  fs.symlink(root, folder .. "/lower")
  sandbox.root = folder .. "/root"
  sandbox.prepare = function()
    syscall.chdir(folder)
    syscall.mount {
      source = "overlay",
      target = "root",
      type = "overlay",
      data = "lowerdir=lower,upperdir=upper,workdir=work,userxattr",
    }
  end
  local ok, status = pcall(enter.command, sandbox, shell, enter.environment(space), "/root")
  fs.remove_all(folder)
  if not ok then
    error(status, 0)
  end
  return status
end

--- The outputs of a phase as one tree, with a layer above that is thrown away.
local function enter_phase(plan, phase)
  local step_root = require "bq.run.step_root"
  local lowers = require("bq.run.state").look(space, plan):phase_outputs(phase)
  local folder = fs.mkdtemp(space:at "build/enter-")
  require("bq.run.job").clean(folder)
  local sandbox = step_root.sandbox(
    { folder = folder, lowers = lowers },
    { network = options.network, emulator = emulator() }
  )
  local env = enter.environment(space)
  local ok, status = pcall(enter.command, sandbox, shell, env, "/")
  fs.remove_all(folder)
  if not ok then
    error(status, 0)
  end
  return status
end

--- The root that was asked for, with a layer above that is thrown away.
local function enter_own(plan)
  local step_root = require "bq.run.step_root"
  local finished = require "bq.system.finished"
  if not plan.root then
    fail.raise(("set %s makes no root of its own"):format(plan.set), { hint = "enter a phase: `--rootfs PHASE`" })
  end
  local folder = fs.mkdtemp(space:at "build/enter-")
  require("bq.run.job").clean(folder)
  local ok, status = pcall(function()
    local made = finished.own(space, require("bq.run.state").look(space, plan), folder .. "/system")
    local lowers = {}
    for _, part in ipairs(made.parts) do
      table.insert(lowers, 1, part.path)
    end
    local sandbox = step_root.sandbox(
      { folder = folder, lowers = lowers },
      { network = options.network, emulator = emulator() }
    )
    return enter.command(sandbox, shell, enter.environment(space), "/")
  end)
  fs.remove_all(folder)
  if not ok then
    error(status, 0)
  end
  return status
end

--- The plan, if there is one.
local function plan_of_workspace()
  return space:read("plan.json", require("bq.plan.form").FORMAT)
end

--- The plan, if a system or packages were asked for.
local function plan_of_own()
  local plan = not (options.staged or space.inside) and plan_of_workspace()
  return plan and plan.root and (plan.system or #plan.selection.with > 0) and plan or nil
end

local function enter_rootfs(what)
  local stat = fs.stat(what)
  local is_folder = stat ~= nil and stat.type == "dir"
  -- No phase has a `/` in its name: for such a folder the plan is not read.
  local plan = not (is_folder and what:find("/", 1, true)) and plan_of_workspace()
  if plan and plan.phases[what] then
    return enter_phase(plan, what)
  end
  if not is_folder then
    local near = plan and require "bq.nearest"(what, plan.phases)
    fail.usage(
      ("`--rootfs %s`: neither a phase of the plan nor a folder"):format(what),
      near and ("did you mean `--rootfs %s`?"):format(near)
        or plan and "the phases are " .. table.concat(plan.phase_order, ", ")
    )
  end
  return enter.command(
    { root = fs.realpath(what), network = options.network, emulator = emulator(true) },
    shell,
    enter.environment(space),
    "/"
  )
end

local status
local own = not options.step and not options.rootfs and plan_of_own()
if options.step then
  status = enter_step(find_step(options.step))
elseif options.rootfs then
  status = enter_rootfs(options.rootfs)
elseif options.system or own then
  status = enter_own(own or space:plan())
elseif space.inside then
  fail.raise(
    "this is the staged rootfs already",
    { hint = "`bq scripts/enter.lua --step NAME` enters the root of a step" }
  )
else
  status = enter_staged()
end
fail.exit(status)
