-- The interface for strategies and recipes (`b`): the step that is being built, inside its root.
local args = require "bq.args"
local fail = require "bq.fail"
local files = require "bq.files"
local fs = require "bq.fs"
local patches = require "bq.run.patches"
local process = require "bq.process"
local step_files = require "bq.run.step_files"
local step_root = require "bq.run.step_root"
local tables = require "bq.tables"
local template = require "bq.plan.template"

---@class (partial) bq.Step
---@field name string
---@field version string
---@field phase string
---@field arch string `x86_64` or `aarch64`
---@field kernel_arch string `x86` or `arm64`
---@field target string the triple of the system that is built
---@field prefix string
---@field sysroot string
---@field cross boolean whether the output cannot run in the root in which it is built
---@field src string the source tree
---@field build string an empty folder to build in
---@field dest string files that are installed below this folder are the output
---@field jobs integer how many commands may run at once, all steps together
---@field recipe table the recipe's fields for this phase
---@field env table<string, string>
---@field epoch integer SOURCE_DATE_EPOCH
---@field observer? bq.run.Observer
---@field package values table<string, any> values of the names in braces
---@field package makeflags string
---@field package pass integer[]
---@field package patches table[]
local Step = {}
Step.__index = Step
for name, method in pairs(step_files) do
  Step[name] = method
end

local step = {}

--- The step in its root.
---@param job table written by the coordinator
---@return bq.Step
function step.new(job)
  local self = setmetatable({
    name = job.step.name,
    version = job.step.version,
    phase = job.step.phase,
    arch = job.arch,
    kernel_arch = job.kernel_arch,
    target = job.target,
    prefix = job.prefix,
    sysroot = job.sysroot,
    cross = job.cross,
    epoch = job.epoch,
    src = step_root.SOURCE,
    build = step_root.BUILD,
    dest = step_root.DEST,
    jobs = job.jobs,
    makeflags = job.makeflags,
    pass = job.pass,
    patches = job.step.patches,
  }, Step)
  self.values = {}
  for name in ("name version phase arch kernel_arch target prefix sysroot src build dest jobs"):gmatch "%S+" do
    self.values[name] = self[name]
  end
  self.env = self:expand(job.env)
  self.env.PATH = (self.env.PATH and self.env.PATH .. ":" or "") .. step_root.TOOLS
  self.values.cc, self.values.cxx = self.env.CC, self.env.CXX
  self.recipe = {}
  for field, value in pairs(job.step.fields) do
    -- Names in braces are not replaced in files beside a recipe.
    self.recipe[field] = tables.contains(job.step.as_is, field) and value or self:expand(value)
  end
  for name, value in pairs(self.recipe.env or {}) do
    self.env[name] = tostring(value)
  end
  return self
end

--- Replaces `{version}`, `{prefix}` and so on in a text, or in all texts of a table.
---@param value any
---@return any
function Step:expand(value)
  return template.fill(value, self.values)
end

--- Writes a line to the log.
---@param text string
function Step:say(text)
  io.stdout:write(text, "\n")
  io.stdout:flush()
end

local function words(argv)
  local out = {}
  for index, word in ipairs(argv) do
    out[index] = tostring(word)
  end
  return out
end

local function environment(self, more)
  local env = {}
  for _, layer in ipairs { self.env, more or {} } do
    for name, value in pairs(layer) do
      env[name] = tostring(value)
    end
  end
  return env
end

--- Runs a program that may fail; its output goes to the log.
---@param argv string[]
---@return boolean ok
function Step:try(argv)
  return (pcall(self.run, self, argv))
end

--- Runs a program; its output goes to the log. Raises if it fails.
---@param argv string[]
---@param options? { cwd?: string, env?: table<string, string>, ok?: integer[], input?: string, stdout?: string }
---@return bq.process.Status
function Step:run(argv, options)
  options = options or {}
  argv = words(argv)
  local shown = {}
  for index, word in ipairs(argv) do
    shown[index] = args.quote(word)
  end
  local cwd = options.cwd or self.build
  self:say(("[%s] %s"):format(cwd, table.concat(shown, " ")))
  local env = environment(self, options.env)
  if self.observer then
    self.observer:command { argv = argv, cwd = cwd, env = env, input = options.input, ok = options.ok }
  end
  local status = process.run {
    argv = argv,
    cwd = cwd,
    env = env,
    pass = self.pass,
    input = options.input,
    stdout = options.stdout or "inherit",
    stderr = "inherit",
  }
  if self.observer then
    self.observer:ran()
  end
  local good = status.ok
  for _, code in ipairs(options.ok or {}) do
    good = good or status.code == code
  end
  if not good then
    local failure = fail.new(("`%s` failed"):format(argv[1]), {
      cause = status.signal and ("it was ended by signal %s"):format(status.signal)
        or ("it ended with status %d"):format(status.code),
    })
    failure.command = { argv = argv, cwd = cwd, code = status.code, signal = status.signal }
    error(failure, 0)
  end
  return status
end

--- Runs a program and returns its standard output, without the newlines at its end.
---@param argv string[]
---@param options? table as for `run`
---@return string
function Step:capture(argv, options)
  local how = { stdout = "capture" }
  for name, value in pairs(options or {}) do
    how[name] = value
  end
  return (self:run(argv, how).stdout:gsub("\n+$", ""))
end

--- Runs GNU make. All steps share one limit of jobs.
---@param arguments string[]
---@param options? table as for `run`
function Step:make(arguments, options)
  options = options or {}
  local env = { MAKEFLAGS = self.makeflags }
  for name, value in pairs(options.env or {}) do
    env[name] = value
  end
  return self:run(
    tables.append({ "make" }, arguments),
    { cwd = options.cwd, env = env, ok = options.ok, input = options.input }
  )
end

--- The text of a file.
---@param path string
---@return string
function Step:read(path)
  return fs.read(path)
end

--- Writes a file. Makes the folders above it.
---@param path string
---@param text string
---@param mode? string|integer `0755`
function Step:write(path, text, mode)
  self:mkdir(path:match "^(.*)/" or ".")
  fs.write(path, text, { mode = files.mode(mode), sync = false })
end

--- Replaces a text in a file, taken literally, everywhere in it. Raises if it is not there.
---@param path string
---@param old string
---@param new string
function Step:replace(path, old, new)
  local text = fs.read(path)
  local parts, at, count = {}, 1, 0
  while true do
    local first, last = text:find(old, at, true)
    if not first then
      break
    end
    parts[#parts + 1] = text:sub(at, first - 1) .. new
    at, count = last + 1, count + 1
  end
  if count == 0 then
    fail.raise(("`%s` has no text `%s` to replace"):format(path, old))
  end
  parts[#parts + 1] = text:sub(at)
  fs.write(path, table.concat(parts), { mode = fs.stat(path).mode, sync = false })
end

---@param path string
function Step:mkdir(path)
  fs.mkdir(path)
end

--- Copies a file or a tree.
---@param from string
---@param to string
function Step:copy(from, to)
  self:mkdir(to:match "^(.*)/" or ".")
  fs.copy(from, to)
end

--- Makes a symbolic link. Makes the folders above it.
---@param target string the text of the link
---@param path string
function Step:symlink(target, path)
  self:mkdir(path:match "^(.*)/" or ".")
  fs.symlink(target, path)
end

--- Copies a file into the output.
---@param from string
---@param path string absolute, below the output
---@param mode? string|integer `0755` if absent
function Step:install(from, path, mode)
  self:copy(from, self.dest .. path)
  fs.chmod(self.dest .. path, files.mode(mode or "0755"))
end

--- Applies the patches of the recipe to the source tree.
function Step:patch()
  patches.apply(self, self.patches)
end

return step
