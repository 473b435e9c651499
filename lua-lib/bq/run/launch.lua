-- Builds one step in its own process: sources, root, strategy, output, store.
local archive = require "bq.archive"
local attributes = require "bq.run.attributes"
local check = require "bq.run.check"
local fail = require "bq.fail"
local failures = require "bq.run.failure"
local files = require "bq.files"
local fs = require "bq.fs"
local jobs = require "bq.run.job"
local json = require "bq.json"
local layers = require "bq.run.layers"
local namespace = require "bq.run.namespace"
local normalise = require "bq.run.normalise"
local noted = require "bq.run.noted"
local process = require "bq.process"
local sandbox = require "bq.plan.sandbox"
local step = require "bq.run.step"
local step_root = require "bq.run.step_root"
local store = require "bq.store"
local strip = require "bq.run.strip"
local syscall = require "bq.syscall"
local tables = require "bq.tables"
local unpack = require "bq.run.unpack"

-- The path inside the root to which a step's own process writes its failure.
local INNER_FAILURE <const> = step_root.HOME .. jobs.names.inner_failure:match "/.*$"

-- The exit status of a step's own process that failed and wrote the reason.
local FAILED <const> = 1

--- Writes a failure to the log, and to the file that the coordinator reads.
local function report(path, err)
  for _, line in ipairs(fail.lines(err)) do
    io.stdout:write(line, "\n")
  end
  io.stdout:flush()
  failures.write(path, err)
end

--- Puts the patches from further sources before those of the recipe.
local function take_patches(job, at)
  local taken = {}
  for _, from in ipairs(job.step.patches_from or {}) do
    local file = job.sources[from.source]
    job.sources[from.source] = nil
    archive.extract { path = file.path, sha256 = file.sha256, target = at.patches, strip = 0, include = from.files }
    for _, name in ipairs(from.files) do
      local stat = fs.lstat(at.patches .. "/" .. name)
      if not stat or stat.type ~= "file" then
        fail.raise(("`%s` is no file of `%s`"):format(name, files.name(file.path)), {
          hint = "look at the names in it, and mend `patches_from` of the recipe",
        })
      end
      taken[#taken + 1] = { name = name, text = fs.read(at.patches .. "/" .. name) }
    end
    fs.remove_all(at.patches)
  end
  job.step.patches = tables.append(taken, job.step.patches)
end

--- Loads a recipe that has functions, from the text in the plan. The functions can do only what the step's sandbox
--- allows.
local function own_verbs(job)
  if not job.step.recipe then
    return {}, {}
  end
  local chunk, box = assert(sandbox.load(job.step.recipe.text, "@" .. job.step.recipe.path))
  local data = chunk()
  local changes = data.phases and data.phases[job.step.phase] or {}
  local verbs = {}
  for _, verb in ipairs(job.step.functions) do
    verbs[verb] = changes[verb] or data[verb]
  end
  return verbs, box
end

--- Loads strategies from the plan, so that the code that runs is the code in the key.
local function load_strategy(job)
  for name, text in pairs(job.code) do
    package.preload[name] = assert(load(text, "@" .. name:gsub("%.", "/") .. ".lua", "t"))
    package.loaded[name] = nil
  end
  return require("bq.strategy." .. job.step.strategy)
end

local VERBS = { "configure", "build", "check", "install" }

local function work(job, strategy, verbs)
  syscall.chdir(step_root.BUILD)
  local current = step.new(job)
  local observer = job.observer and assert(load(job.observer, "@observer.lua", "t"))().new(current, step_root.HOME)
  current.observer = observer
  current:patch()
  for _, verb in ipairs(VERBS) do
    local body = verbs[verb] or strategy[verb]
    if body and (verb ~= "check" or job.check) then
      current:say("== " .. verb)
      body(current)
    end
  end
  current:say "== strip"
  if observer then
    observer:normalise()
  end
  strip.output(current)
  if observer then
    observer:finish()
  end
  return 0
end

-- Folders that exist only while a step is built.
local PLACES <const> = { step_root.SOURCE, step_root.BUILD, step_root.DEST, step_root.HOME, step_root.TOOLS }

--- Makes an output from the files that a step installed, or refuses them. No process of the step may run any more.
---@param notes bq.Notes of the step
---@return string digest
---@return table<string, bq.Attribute>? attributes `nil` if it has none
local function take_output(job, at, root, notes)
  local recipe, lowers = step.new(job).recipe, step_root.trees(root)
  recipe.owners = attributes.owners(recipe.owners, {
    users = attributes.accounts(layers.read(lowers, "etc/passwd")),
    groups = attributes.accounts(layers.read(lowers, "etc/group")),
  })
  local found, dropped = normalise.output(at.output, job.epoch, recipe, notes)
  for _, line in ipairs(dropped) do
    io.stdout:write("dropped the extended attribute ", line, "\n")
  end
  local entries = fs.walk(at.output)
  check.output {
    top = at.output,
    entries = entries,
    lost = noted.lost(notes, step_root.DEST, entries, found, recipe),
    changes = step_root.changes(root),
    places = PLACES,
    sysroot = job.sysroot,
    prefix = job.prefix,
    recipe = recipe,
    leave_out = job.step.leave_out,
  }
  found = next(found) and found or nil
  return store.digest(at.output, found), found
end

--- Builds the step whose job is in a folder. The exit status is 0 if the complete output is in the folder.
---@param folder string
---@return integer status
local function launch(folder)
  -- Modes must not depend on the caller's umask.
  syscall.umask(tonumber("022", 8))
  local job, at = assert(jobs.read(folder)), jobs.paths(folder)
  local started, output, found = process.clock(), nil, nil
  local ok, err = xpcall(function()
    take_patches(job, at)
    unpack.all(job, at)
    local strategy = load_strategy(job)
    local verbs, box = own_verbs(job)
    local root = step_root.of(job, step.new(job).env)
    fs.write(at.noted, "", { sync = false })
    local status = namespace.launch(step_root.sandbox(root, {
      keep = job.pass,
      noted = at.noted,
      body = function()
        box.in_step = true
        local good, failure = xpcall(work, function(err)
          return fail.is_expected(err) and err
            or fail.new("the step's Lua has a mistake", { cause = debug.traceback(tostring(err), 2) })
        end, job, strategy, verbs)
        if not good then
          -- Of the step's folder only its home can be reached from here. If the step made the home unusable, the
          -- failure is only in the log.
          pcall(report, INNER_FAILURE, failure)
        end
        return good and 0 or FAILED
      end,
    }))
    local notes = noted.read(at.noted)
    if not status.ok then
      local inner, wrong = failures.read(at.inner_failure)
      local advice = noted.advice(notes, step_root.DEST)
      if inner then
        failures.advise(inner, advice)
        fs.write(at.failure, json.encode(inner), { sync = false })
        return false
      elseif wrong then
        io.stdout:write(wrong, "\n")
      end
      if status.code == namespace.FAILED then
        fail.raise("the step's root could not be made", { cause = "see the lines above" })
      end
      if status.code == FAILED then
        fail.raise("the step failed", { cause = "see the end of its log", hint = advice })
      end
      fail.raise(
        "the step was ended from outside",
        { cause = status.signal and "signal " .. status.signal or "status " .. status.code }
      )
    end
    output, found = take_output(job, at, root, notes)
    return true
  end, function(err)
    return fail.is_expected(err) and err or fail.new("bq itself failed", { cause = debug.traceback(tostring(err), 2) })
  end)
  if not ok then
    report(at.failure, err)
    return 1
  elseif not err then
    return 1
  end
  fs.write(
    at.meta,
    json.encode({
      key = job.key,
      step = job.step.id,
      version = job.step.version,
      license = job.step.license,
      output = output,
      attributes = found,
      inputs = job.inputs,
      seconds = math.floor((process.clock() - started) * 1000) / 1000,
    }, { pretty = true }),
    { sync = false }
  )
  -- This is done here and not in the coordinator, because other steps wait for the coordinator.
  fs.syncfs(at.entry)
  return 0
end

return launch
