-- Entering the staged rootfs, with the workspace at its fixed place inside.
local emulated = require "bq.run.emulated"
local events = require "bq.events"
local fail = require "bq.fail"
local fs = require "bq.fs"
local host = require "bq.host"
local log = require "bq.log"
local namespace = require "bq.run.namespace"
local process = require "bq.process"
local syscall = require "bq.syscall"
local tables = require "bq.tables"
local workspace = require "bq.workspace"

local enter = {}

-- The environment of every program inside.
local ENV =
  { PATH = "/usr/local/bin:/usr/bin:/usr/sbin:/bin:/sbin", HOME = "/root", USER = "root", LC_ALL = "C", TZ = "UTC" }

--- Whether this program already runs in its own namespaces, inside the rootfs.
---@param space bq.Workspace
---@return boolean
function enter.is_entered(space)
  return space.inside and os.getenv "BQ_ENTERED" ~= nil
end

--- The environment of a program inside.
---@param space? bq.Workspace
---@return table<string, string?>
function enter.environment(space)
  local outside = space and not space.inside and space or nil
  local env = {
    BQ_ENTERED = "1",
    BQ_OUTSIDE = outside and outside.path or os.getenv "BQ_OUTSIDE",
    BQ_OUTSIDE_OPTION = outside and outside:option() or os.getenv "BQ_OUTSIDE_OPTION",
  }
  for name, value in pairs(ENV) do
    env[name] = value
  end
  for _, name in ipairs { "TERM", "COLORTERM", "NO_COLOR", "CLICOLOR_FORCE" } do
    env[name] = os.getenv(name)
  end
  return env
end

--- A sandbox around the staged rootfs.
---@param space bq.Workspace
---@param more table
---@return bq.Sandbox
function enter.sandbox(space, more)
  if not space:staged() then
    fail.raise(
      ("there is no staged rootfs in `%s`"):format(space.path),
      { hint = ("stage it first: `bq scripts/build_sysroot.lua%s`"):format(space:option()) }
    )
  end
  ---@type bq.Sandbox
  local sandbox = { root = space:rootfs() }
  -- In a plain chroot the workspace is already part of the root.
  if not space.inside then
    sandbox.binds = { { source = space.path, target = workspace.INSIDE } }
  end
  for name, value in pairs(more) do
    sandbox[name] = value
  end
  return sandbox
end

--- Runs the coordinator inside; its exit status.
---@param space bq.Workspace
---@param words string[] its command line, without `--workspace`: inside, the workspace has a fixed place
---@param more? table<string, string> of its environment
---@param emulator? bq.run.Emulator for what is built and has to run
---@return integer
function enter.coordinator(space, words, more, emulator)
  local argv = tables.append({ "/usr/local/bin/bq" }, host.options)
  tables.append(tables.append(argv, { "/usr/local/bin/coordinator.lua" }), words)
  local env = enter.environment(space)
  -- Process ids are different inside. The lock shows the id that people see outside.
  env.BQ_HOLDER = tostring(syscall.getpid())
  env[emulated.VARIABLE] = emulator and emulator.arch
  for name, value in pairs(more or {}) do
    env[name] = value
  end
  if events.is_on then
    argv[#argv + 1] = "--" .. events.OPTION.name
    env[events.INSIDE] = "1"
  end
  local status = namespace.run(enter.sandbox(space, {
    emulator = emulator,
    body = function()
      process.exec { argv = argv, env = env, cwd = "/", stdin = "null" }
    end,
  }))
  return status.exit_status
end

--- Runs a command inside, on the caller's terminal. It has to be the last program that this process starts. Returns its
--- exit status.
---@param sandbox bq.Sandbox
---@param argv string[]
---@param env table<string, string>
---@param cwd string
---@return integer
function enter.command(sandbox, argv, env, cwd)
  sandbox.terminal = true
  sandbox.body = function()
    local folder = fs.stat(cwd) and cwd or "/"
    syscall.chdir(folder)
    local _, err = pcall(process.exec, { argv = argv, env = env, cwd = folder })
    log.error(("cannot run `%s` in the rootfs"):format(argv[1]))
    log.raw("caused by: " .. tostring(err))
    if err.code == "ENOEXEC" then
      log.raw "hint: a program of another architecture wants an emulator: `--emulator FILE`"
    end
    -- The exit statuses of a shell: 126 for "cannot be run", 127 for "not found".
    return err.code == "ENOENT" and 127 or 126
  end
  return namespace.last(sandbox)
end

return enter
