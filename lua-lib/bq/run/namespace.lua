-- Namespaces: a process tree with its own root, which sees nothing of the machine except explicit binds.
--
-- The order of the calls matters; comments give the reasons. A launcher makes the namespaces. Its child is process 1 of
-- the new pid namespace and makes the mounts. The child of process 1 does the work.
local devices = require "bq.run.devices"
local fail = require "bq.fail"
local files = require "bq.files"
local filters = require "bq.run.filters"
local fs = require "bq.fs"
local hint = require "bq.hint"
local log = require "bq.log"
local process = require "bq.process"
local syscall = require "bq.syscall"
local tables = require "bq.tables"

local namespace = {}

---@class bq.Bind
---@field source string outside
---@field target string inside; its parent folder exists
---@field ["readonly"]? boolean

---@class bq.Sandbox
---@field root string the tree that becomes `/`
---@field prepare? fun() mounts the parts of `root`; called when mounts are private, before the root is entered
---@field binds? bq.Bind[]
---@field network? boolean the machine's network, instead of a loopback device alone
---@field emulator? bq.run.Emulator runs programs of another architecture inside; a user namespace of its own has it, also for root
---@field confined? boolean cut capabilities, seccomp and landlock, and no set-id bits and capabilities on files: for steps
---@field machine? string with `confined`: the architecture that uname(2) says, if it is not that of this machine
---@field noted? string with `confined`: a file outside of the root that gets the set-id bits and capabilities (`bq.run.noted`)
---@field answer_ids? boolean calls about owners and ids succeed without an effect
---@field terminal? boolean for a shell: it gets its own terminal, and bq copies between it and the user's terminal
---@field keep? integer[] descriptors that stay open
---@field files? table<string, string> files that are written in the root when it is entered
---@field body? fun(): integer? does the work; its result is the exit status
---@field argv? string[] instead of `body`, for `run`: a program
---@field env? table<string, string> its environment
---@field cwd? string

--- Whether this process can make namespaces without a new user namespace.
local function has_power()
  for _, name in ipairs(syscall.capabilities()) do
    if name == "sys_admin" then
      return true
    end
  end
  return false
end

--- Inside a plain `chroot`, `/` is not a mount and cannot be made private. New mounts would then spread to the machine.
--- A process that may call chroot can leave the chroot, to a place where mounts can be made private.
local function leave_chroot()
  local jail = syscall.open_path("/", { directory = true })
  local inner = fs.mkdtemp "/tmp/bq-root-"
  syscall.chroot(inner)
  for _ = 1, 64 do
    syscall.chdir ".."
  end
  syscall.chroot "."
  syscall.mount { target = "/", flags = { "rec", "private" } }
  syscall.fchdir(jail)
  fs.remove("." .. inner)
  syscall.close(jail)
end

--- Makes all mounts private, and enters the folder that becomes the root.
local function make_private(root)
  local ok, err = pcall(syscall.mount, { target = "/", flags = { "rec", "private" } })
  if ok then
    syscall.chdir(root)
  elseif err.code == "EINVAL" and root == "/" then
    leave_chroot()
  else
    error(err, 0)
  end
end

local function require_folder(path)
  local stat = fs.lstat(path)
  if not stat or stat.type ~= "dir" then
    fail.raise(("`%s` of the root is %s, not a folder"):format(path, stat and "a " .. stat.type or "missing"))
  end
end

--- A process with the id of real root may write these files even without capabilities.
local function mask_proc()
  for _, name in ipairs { "sys", "sysrq-trigger", "irq", "bus" } do
    local path = "/proc/" .. name
    if fs.stat(path) then
      syscall.mount { source = path, target = path, flags = { "bind", "rec" } }
      syscall.mount_setattr(path, { "rdonly" }, { recursive = true })
    end
  end
end

--- Makes the root, as process 1 of the new pid namespace.
---@param sandbox bq.Sandbox
---@param emulation? table `bq.run.emulation`, if an emulator is wanted
local function make_root(sandbox, emulation)
  make_private(sandbox.prepare and "/" or sandbox.root)
  if sandbox.prepare then
    sandbox.prepare()
    syscall.chdir(sandbox.root)
  else
    local here = fs.cwd()
    syscall.mount { source = here, target = here, flags = { "bind", "rec" } }
    -- From the folder under the new mount to the mount itself. A path that ends at `/` would stay below it.
    syscall.chdir(here == "/" and "/.." or here)
  end
  if emulation then
    -- What is mounted at `/tmp` later hides it, and keeps it as long as the root is there.
    emulation.register(sandbox.emulator, "tmp")
  end
  -- Sources are opened before the pivot and targets after it, so a link in the root cannot lead outside.
  local nodes, binds = devices.open(), {}
  for index, bind in ipairs(sandbox.binds or {}) do
    binds[index] = syscall.open_tree(bind.source, { recursive = true })
  end
  syscall.pivot_root(".", ".")
  local old = syscall.open_path(".", { directory = true })
  syscall.chdir "/"
  require_folder "/proc"
  require_folder "/tmp"
  syscall.mount { source = "proc", target = "/proc", type = "proc", flags = { "nosuid", "nodev", "noexec" } }
  require_folder "/dev"
  devices.mount(nodes)
  syscall.mount { source = "tmpfs", target = "/tmp", type = "tmpfs", flags = { "nosuid", "nodev" }, data = "mode=1777" }
  for index, bind in ipairs(sandbox.binds or {}) do
    syscall.move_mount(binds[index], bind.target)
    if bind.readonly then
      syscall.mount_setattr(bind.target, { "rdonly" }, { recursive = true })
    end
  end
  for path, text in pairs(sandbox.files or {}) do
    fs.remove("/" .. path)
    fs.write("/" .. path, text, { sync = false })
  end
  if sandbox.confined then
    mask_proc()
  end
  -- Not earlier: the kernel refuses a new proc mount if no other one is visible.
  syscall.fchdir(old)
  syscall.umount(".", { "detach" })
  syscall.chdir "/"
  syscall.close(old)
end

--- Runs a body and returns its exit status. An error is shown.
local function guarded(body)
  local ok, result = xpcall(body, function(err)
    return fail.is_expected(err) and err or fail.new("bq itself failed", { cause = debug.traceback(tostring(err), 2) })
  end)
  if not ok then
    for _, line in ipairs(fail.lines(result)) do
      log.raw(line)
    end
  end
  return ok and (result or 0) or namespace.FAILED
end

--- Runs a function in a forked process and ends the process. An error must not reach the copy of the caller's code.
local function finish(body)
  process.exit(guarded(body))
end

--- In the child of process 1: set-id bits and capabilities that it sets on files from now on are only noted.
local function watch(keeper)
  local ok, err = pcall(keeper.watch, keeper)
  if not ok then
    fail.raise("cannot watch what is set on files", { cause = err, hint = hint.of(err.op, err) })
  end
end

---@param sandbox bq.Sandbox
---@param terminal? bq.process.Terminal
local function first_process(sandbox, terminal)
  syscall.set_parent_death_signal "KILL"
  syscall.umask(files.mode "022")
  -- Its path is outside of the root.
  local notes = sandbox.noted and syscall.open_path(sandbox.noted)
  -- Loaded here, since the library cannot be reached from inside the root. Most shells do without them.
  local noted = notes and require "bq.run.noted"
  local emulation = sandbox.emulator and require "bq.run.emulation"
  fail.wrap(("cannot enter `%s`"):format(sandbox.root), nil, function()
    if not sandbox.network then
      syscall.loopback_up()
    end
    syscall.sethostname "bq"
    local ok, err = pcall(make_root, sandbox, emulation)
    if not ok then
      fail.raise("cannot make the root", { cause = err, hint = hint.of(err.op, err) })
    end
    local keep = tables.append(tables.copy(sandbox.keep), { terminal and terminal.terminal })
    keep[#keep + 1] = notes
    syscall.close_range(3, { keep = keep, now = true })
    filters.confine(sandbox)
    if sandbox.terminal then
      process.use_terminal(terminal)
    end
  end)
  local keeper = sandbox.confined and process.attribute_keeper { machine = sandbox.machine }
  if sandbox.confined then
    -- A step must not be able to stop process 1, not even in the moment in which it begins.
    syscall.set_dumpable(false)
  end
  local child = process.fork()
  if child == 0 then
    finish(function()
      if sandbox.confined then
        syscall.set_dumpable(true)
      end
      if notes then
        syscall.close(notes)
      end
      if not sandbox.terminal then
        syscall.setsid()
      end
      if keeper then
        watch(keeper)
      end
      return sandbox.body()
    end)
  end
  if not keeper then
    return process.reap(child).exit_status
  end
  local status = keeper:reap(child)
  if notes then
    noted.write("/proc/self/fd/" .. notes:number(), keeper)
  end
  return status.exit_status
end

--- The exit status if the root could not be made.
namespace.FAILED = 125

--- Moves this process into new namespaces.
local function unshare(kinds, stage)
  local ok, err = pcall(syscall.unshare, kinds)
  if not ok then
    fail.raise("cannot make namespaces", { cause = err, hint = hint.of(stage, err) })
  end
end

--- Moves this process into new namespaces, in which it is root. One that is not gets a user namespace with them.
---@param kinds bq.syscall.Namespace[]
---@param is_own? boolean a user namespace also for root
function namespace.separate(kinds, is_own)
  local uid, gid = syscall.geteuid(), syscall.getegid()
  is_own = is_own or not has_power()
  unshare(is_own and tables.append({ "user" }, kinds) or kinds, "unshare")
  if is_own then
    local ok, err = pcall(syscall.write_proc_self_map, { outer_uid = uid, outer_gid = gid })
    if not ok then
      fail.raise("cannot map the user into its namespace", { cause = err, hint = hint.of("map", err) })
    end
  end
end

local function launch(sandbox, dies_with_parent)
  local kinds = { "pid", "ipc", "uts" }
  if not sandbox.network then
    kinds[#kinds + 1] = "net"
  end
  namespace.separate(kinds, sandbox.emulator ~= nil)
  if dies_with_parent then
    -- Set it again: the kernel clears the death signal when capabilities change.
    syscall.set_parent_death_signal "KILL"
  end
  local terminal = sandbox.terminal and process.open_terminal() or nil
  local first = process.fork()
  if first == 0 then
    finish(function()
      -- Not before the fork: pivot_root moves every process of a mount namespace, and the launcher has to stay outside.
      unshare({ "mount" }, "unshare_mount")
      return first_process(sandbox, terminal)
    end)
  end
  return sandbox.terminal and process.relay(first, terminal) or process.reap(first)
end

--- Makes the namespaces in this process, and runs the body in a process tree below it. The process must fork nothing
--- afterwards: the children would be in the dead pid namespace.
---@param sandbox bq.Sandbox
---@return bq.process.Status
function namespace.launch(sandbox)
  return launch(sandbox, true)
end

--- Like `launch`, for the main program. It goes on when its parent ends. If the root could not be made, it returns an
--- exit status.
---@param sandbox bq.Sandbox
---@return integer status
function namespace.last(sandbox)
  return guarded(function()
    return launch(sandbox, false).exit_status
  end)
end

--- Like `launch`, but in a child process. This process stays in its namespaces.
---@param sandbox bq.Sandbox
---@return bq.process.Status
function namespace.run(sandbox)
  if sandbox.argv then
    sandbox.body = function()
      process.exec { argv = sandbox.argv, env = sandbox.env, cwd = sandbox.cwd, stdin = "null" }
    end
  end
  local launcher = process.fork()
  if launcher == 0 then
    finish(function()
      syscall.set_parent_death_signal "KILL"
      return namespace.launch(sandbox).exit_status
    end)
  end
  return process.reap(launcher)
end

return namespace
