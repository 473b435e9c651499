-- Prepares a build: makes a plan, verified sources and a staged rootfs from a declaration and a command line.
local args = require "bq.args"
local asked_for = require "bq.stage.asked"
local choice = require "bq.plan.choice"
local command = require "bq.stage.command"
local events = require "bq.events"
local declaration = require "bq.plan.declaration"
local digest = require "bq.digest"
local emulation = require "bq.run.emulation"
local emulator = require "bq.seed.emulator"
local fail = require "bq.fail"
local fetch = require "bq.fetch"
local files = require "bq.files"
local foreign = require "bq.run.foreign"
local fs = require "bq.fs"
local log = require "bq.log"
local page = require "bq.system.page"
local plan = require "bq.plan.plan"
local preflight = require "bq.run.preflight"
local recipe = require "bq.plan.recipe"
local seed = require "bq.seed"
local source = require "bq.source.source"
local stage = require "bq.stage.stage"
local syscall = require "bq.syscall"
local system_fields = require "bq.system.fields"
local tables = require "bq.tables"
local unused = require "bq.plan.unused"
local workspace = require "bq.workspace"

local prepare = {}

--- Shows a plan: its phases and steps, and where each source comes from.
local function show(made, seed_word)
  local what = made.system and ("system %s by set %s"):format(made.system.name, made.set) or "set " .. made.set
  log.out(("plan: %s for %s, seed %s, %d steps"):format(what, made.target, fetch.shown(seed_word), #made.steps))
  for _, name in ipairs(made.phase_order) do
    local phase = made.phases[name]
    log.out(("\n%s (%s), on %s:"):format(name, phase.about or phase.prefix, table.concat(phase.base, " + ")))
    for _, step in ipairs(made.steps) do
      if step.phase == name then
        local needs = {}
        for _, id in ipairs(step.depends) do
          needs[#needs + 1] = id:match "/(.*)$"
        end
        log.out(
          ("  %-18s %-10s %s"):format(
            step.name,
            step.version,
            #needs > 0 and "after " .. table.concat(needs, ", ") or ""
          )
        )
      end
    end
  end
end

local function same_machine(arch)
  return syscall.uname().machine == arch
end

--- The emulator for what the plan builds and runs, if that wants one and it works. Without it, the other phases can be built.
---@param before? bq.seed.EmulatorLock what the workspace has
---@return bq.seed.EmulatorLock?
local function emulator_of(space, made, choices, before)
  local of, is_foreign = foreign.phases(made), false
  for _, step in ipairs(made.steps) do
    is_foreign = is_foreign or of[step.phase]
  end
  if not is_foreign then
    return before
  end
  local lock, found
  if emulation.is_wanted(made.arch) then
    local ok, got = pcall(emulator.obtain, space, made.arch, choices, before)
    if not ok and not fail.is_expected(got) then
      error(got, 0)
    elseif not ok then
      log.warn(("there is no emulator for programs of %s, so what has to run there is not built"):format(made.arch))
      for _, line in ipairs(fail.lines(got)) do
        log.raw((line:gsub("^error: ", "caused by: ")))
      end
      return nil
    end
    lock = got --[[@as bq.seed.EmulatorLock?]]
    found = lock and { arch = made.arch, path = fs.realpath(emulator.path(space, lock)) }
  else
    found = emulation.of(made.arch)
  end
  return found and emulation.working(found, space.path) and lock or nil
end

--- Checks that the machine can build, before anything is fetched.
local function check_machine(space)
  for _, finding in ipairs(preflight.run(space.path)) do
    if finding.fatal then
      fail.raise(finding.message, { cause = finding.cause, hint = finding.hint })
    elseif not finding.ok then
      log.warn(finding.message .. (finding.hint and " (" .. finding.hint .. ")" or ""))
    end
  end
end

--- Adds the system to a selection: that of the command line, or inside a staged rootfs that of its plan.
---@return { secrets?: bq.Secrets, page?: { path: string, sha256: string, beside?: table<string, string> } }
local function find_system(space, declared, options, selection, recipes)
  if not options.system then
    local made = space.inside and fs.stat(space:at "plan.json") and space:plan(true) or {}
    selection.system = not options.set and made.system or nil
    selection.image = selection.system and made.image
    return { page = selection.system and made.page }
  end
  local here = fs.cwd() .. "/"
  local shown = options.system:sub(1, #here) == here and options.system:sub(#here + 1) or options.system
  local system, secrets, from = page.read(shown, declared, recipes)
  recipes:check()
  ---@cast system bq.System
  selection.set, selection.system, selection.image = system.set, system, system_fields.image(system)
  return {
    secrets = secrets,
    page = { path = fs.realpath(options.system), sha256 = files.chunk_digest(from.text), beside = from.beside },
  }
end

--- Writes what only this workspace may know of its system.
local function keep_secrets(space, secrets)
  fs.remove(space:at "secrets.json")
  if secrets and next(secrets.passwords) then
    space:write_json("secrets.json", secrets, "0600")
  end
end

--- Runs the program.
---@param declared bq.Declaration with `seed` and `set`, the defaults of those options
---@param words string[] the command line
function prepare.main(declared, words)
  -- Modes of what is staged must not depend on the caller.
  syscall.umask(files.mode "022")
  local options = args.parse({
    group = "make",
    about = "Stages a chroot that can rebuild itself: checks the plan, fetches and verifies the seed and the sources.",
    usage = "bq scripts/build_sysroot.lua [OPTIONS]",
    options = command.OPTIONS,
    choices = { set = tables.names(declared.sets) },
  }, words)
  local space = workspace.new(options.workspace)
  -- It stays what it is, wherever the next command is run.
  local stat = options.system and options.system ~= "" and fs.stat(options.system)
  options.system = stat and fs.realpath(options.system) or options.system
  asked_for.complete(options --[[@as table<string, any>]], command.last(space), { seed = declared.seed })
  local selection = {
    set = options.set or declared.set,
    arch = options.arch or syscall.uname().machine,
    machine = syscall.uname().machine,
    foreign_workers = options.foreign_workers,
    only = args.list(options.only),
    with = args.list(options.with),
    without = args.list(options.without),
  }
  for _, mirror in ipairs(options.mirror) do
    local stat = mirror:find "^%a+://" or fs.stat(mirror)
    if not stat or type(stat) == "table" and stat.type ~= "dir" then
      fail.usage(
        ("`--mirror %s`: no such folder"):format(mirror),
        "a mirror is a folder, or an address that starts with http:// or https://"
      )
    end
  end
  local seed_word = options.seed or declared.seed
  local asked = command.of(options)
  local recipes = recipe.collection(asked.recipes)
  if space:is_finished() then
    declared = declaration.inside(declared, selection.set)
  end
  local system = find_system(space, declared, options, selection, recipes)
  local function make(declared, selection)
    local made = plan.make(declared, selection, recipes)
    made.script = asked.text and digest.sha256(asked.text) or nil
    made.page = system.page
    return made
  end
  local made = make(declared, selection)
  for _, warning in ipairs(unused.find(recipes, made)) do
    log.warn(warning)
  end
  if options.dry_run then
    if options.seed and not space.inside then
      seed.resolve(seed_word, syscall.uname().machine, space)
    end
    show(made, seed_word)
    return
  end
  if not space.inside then
    fail.wrap(
      ("cannot make the workspace `%s`"):format(space.path),
      { hint = "choose another folder by `--workspace DIR`" },
      fs.mkdir,
      space.path
    )
    check_machine(space)
  end
  space:create()
  space:lock()
  local lock = space:locked()
  if space.inside then
    log.info "inside a staged rootfs: the plan is made anew, from the sources that are here"
    lock.sources = source.get(space, made, { mirrors = options.mirror, offline = true })
    space:write_json("lock.json", lock)
    space:write_json("plan.json", made)
    return
  end
  if not same_machine(selection.arch) then
    log.info(("building for %s on %s"):format(selection.arch, syscall.uname().machine))
  end
  local one = seed.resolve(seed_word, syscall.uname().machine, space)
  local choices = {
    lock = lock.seed,
    update = options.update_seed,
    mirrors = options.mirror,
    offline = options.offline,
    jobs = options.jobs,
  }
  lock.seed = one.obtain(space, choices)
  lock.emulator = emulator_of(space, made, choices, lock.emulator)
  if not options.skip_sources then
    lock.sources = source.get(space, made, { mirrors = options.mirror, offline = options.offline, jobs = options.jobs })
  end
  stage.rootfs(space, one, lock.seed, choices, asked)
  space:write_json("lock.json", lock)
  -- This plan goes into the finished root, so that it can build itself again.
  fs.remove(space:at "inside.json")
  if #made.finish > 0 and #selection.only == 0 then
    space:write_json(
      "inside.json",
      make(declaration.inside(declared, selection.set), choice.inside(selection, made.finish))
    )
  end
  keep_secrets(space, system.secrets)
  space:write_json("plan.json", made)
  command.remember(space, asked)
  events.say(
    "summary",
    { rootfs = space:at "rootfs", steps = #made.steps, target = made.target, seed = lock.seed.digest }
  )
  log.info(("staged %s: %d steps for %s"):format(space:at "rootfs", #made.steps, made.target))
  if options.output then
    stage.pack(space, options.output, space:at "rootfs", {
      metadata_files = { "plan.json", "lock.json" },
      sources = not options.skip_sources and source.file_names(lock.sources) or {},
      epoch = made.epoch,
      jobs = options.jobs,
    })
  else
    log.info(("next: `bq scripts/coordinator.lua%s`"):format(space:option()))
  end
end

return prepare
