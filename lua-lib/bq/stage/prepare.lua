-- The main job: a declaration and a command line become a plan, verified sources and a staged rootfs.
local args = require "bq.args"
local choice = require "bq.plan.choice"
local declaration = require "bq.plan.declaration"
local digest = require "bq.digest"
local fail = require "bq.fail"
local files = require "bq.files"
local fs = require "bq.fs"
local host = require "bq.host"
local json = require "bq.json"
local log = require "bq.log"
local plan = require "bq.plan.plan"
local preflight = require "bq.run.preflight"
local process = require "bq.process"
local recipe = require "bq.plan.recipe"
local seed = require "bq.seed"
local source = require "bq.source.source"
local stage = require "bq.stage.stage"
local syscall = require "bq.syscall"
local workspace = require "bq.workspace"

local prepare = {}

-- stylua: ignore
prepare.OPTIONS = {
  { name = "output", value = "FILE", help = "pack the result: .tar.gz, .tar.zst or .tar" },
  { name = "skip-sources", help = "neither fetch sources nor pack them" },
  { name = "arch", value = "ARCH", help = "build for x86_64 or aarch64; this machine's own if absent" },
  { name = "seed", value = "SEED", help = "auto, debian[:SUITE], alpine, or a rootfs tarball" },
  { name = "set", value = "NAME", help = "the package set" },
  { name = "only", value = "NAMES", many = true, help = "only these packages, and what they need" },
  { name = "with", value = "NAMES", many = true, help = "these packages too: NAME or NAME@PHASE" },
  { name = "without", value = "NAMES", many = true, help = "not these packages" },
  { name = "recipes", value = "DIR", many = true, help = "a folder of recipes that go before the bundled ones" },
  { name = "workspace", value = "DIR", help = "the folder of the build [default: data/sysroot]" },
  { name = "mirror", value = "PLACE", many = true, help = "a folder or address to look for sources in first" },
  { name = "offline", help = "use what is there, ask no network" },
  { name = "update-seed", help = "lock the newest packages of the seed, by apt or apk" },
  { name = "jobs", value = "N", number = true, help = "how many things to do at once" },
  { name = "dry-run", help = "check the plan and show it; fetch and write nothing" },
}

--- The folders that recipes are looked for in.
---@param own string[] from the command line
---@return string[]
function prepare.recipe_folders(own)
  local folders = {}
  for _, folder in ipairs(own) do
    local stat = fs.stat(folder)
    if not stat or stat.type ~= "dir" then
      fail.usage(("`--recipes %s`: no such folder"):format(folder))
    end
    folders[#folders + 1] = fs.realpath(folder)
  end
  for _, folder in ipairs(host.module_folders) do
    if #files.list(folder .. "/packages") > 0 then
      folders[#folders + 1] = folder .. "/packages"
    end
  end
  for _, folder in ipairs(host.program_folders) do
    folders[#folders + 1] = folder .. "/packages"
  end
  folders[#folders + 1] = "$/scripts/packages"
  return folders
end

--- Shows a plan: its phases and steps, and where each source comes from.
local function show(made, seed_word)
  log.out(("plan: set %s for %s, seed %s, %d steps"):format(made.set, made.target, seed_word, #made.steps))
  for _, name in ipairs(made.phase_order) do
    local phase = made.phases[name]
    log.out(("\n%s (%s), on %s:"):format(name, phase.about or phase.prefix, table.concat(phase.base, " + ")))
    for _, step in ipairs(made.steps) do
      if step.phase == name then
        local needs = {}
        for _, id in ipairs(step.depends) do
          needs[#needs + 1] = id:match "/(.*)$"
        end
        log.out(("  %-18s %-10s %s"):format(step.name, step.version, #needs > 0 and "after " .. table.concat(needs, ", ") or ""))
      end
    end
  end
end

local function same_machine(arch)
  return syscall.uname().machine == arch
end

--- Sees that the machine can do the job, before anything is fetched.
local function check_machine(space)
  for _, finding in ipairs(preflight.run(space.path)) do
    if finding.fatal then
      fail.raise(finding.message, { cause = finding.cause, hint = finding.hint })
    elseif not finding.ok then
      log.warn(finding.message .. (finding.hint and " (" .. finding.hint .. ")" or ""))
    end
  end
end

local function remember(space, words, folders)
  space:write_json("command.json", {
    script = host.script,
    arguments = table.move(words, 1, #words, 1, json.array {}),
    folder = fs.cwd(),
    recipes = folders,
    modules = table.move(host.module_folders, 1, #host.module_folders, 1, json.array {}),
    programs = table.move(host.program_folders, 1, #host.program_folders, 1, json.array {}),
  })
end

--- Runs the program.
---@param declared bq.Declaration with `seed` and `set`, the defaults of those options
---@param words string[] the command line
function prepare.main(declared, words)
  -- Modes of what is staged must not depend on the caller.
  syscall.umask(files.mode "022")
  local options = args.parse({
    about = "Stages a chroot that can rebuild itself: checks the plan, fetches and verifies the seed and the sources.",
    usage = "bq scripts/build_sysroot.lua [OPTIONS]",
    options = prepare.OPTIONS,
  }, words)
  local space = workspace.new(options.workspace)
  local selection = {
    set = options.set or declared.set,
    arch = options.arch or syscall.uname().machine,
    only = args.list(options.only),
    with = args.list(options.with),
    without = args.list(options.without),
  }
  for _, mirror in ipairs(options.mirror) do
    local stat = mirror:find "^%a+://" or fs.stat(mirror)
    if not stat or type(stat) == "table" and stat.type ~= "dir" then
      fail.usage(("`--mirror %s`: no such folder"):format(mirror), "a mirror is a folder, or an address that starts with http:// or https://")
    end
  end
  local seed_word = options.seed or declared.seed
  local folders = prepare.recipe_folders(options.recipes)
  local recipes = recipe.collection(folders)
  if space:is_finished() then
    declared = declaration.inside(declared, selection.set)
  end
  local script = files.read(host.script)
  local function make(declared, selection)
    local made = plan.make(declared, selection, recipes)
    made.script = script and digest.sha256(script) or nil
    return made
  end
  local made = make(declared, selection)
  if options.dry_run then
    show(made, seed_word)
    return
  end
  if not space.inside then
    fail.wrap(("cannot make the workspace `%s`"):format(space.path), { hint = "choose another folder by `--workspace DIR`" }, fs.mkdir, space.path)
    check_machine(space)
  end
  space:create()
  space:lock()
  local lock = space:read_json "lock.json" or {}
  if space.inside then
    log.info "inside a staged rootfs: the plan is made anew, from the sources that are here"
    lock.sources = source.get(space, made, { mirrors = options.mirror, offline = true })
    space:write_json("lock.json", lock)
    space:write_json("plan.json", made)
    return
  end
  if not same_machine(selection.arch) then
    log.warn(("building for %s on %s: phases that run what is built are left out here"):format(selection.arch, syscall.uname().machine))
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
  if not options.skip_sources then
    lock.sources = source.get(space, made, { mirrors = options.mirror, offline = options.offline, jobs = options.jobs })
  end
  stage.rootfs(space, one, lock.seed, choices, folders, script)
  space:write_json("lock.json", lock)
  -- What the finished root will hold: how it builds itself again.
  fs.remove(space:at "inside.json")
  if #made.finish > 0 and #selection.only == 0 then
    space:write_json("inside.json", make(declaration.inside(declared, selection.set), choice.inside(selection, made.finish)))
  end
  space:write_json("plan.json", made)
  remember(space, words, folders)
  log.info(("staged %s: %d steps for %s"):format(space:at "rootfs", #made.steps, made.target))
  if options.output then
    stage.pack(space, options.output, space:at "rootfs", {
      metadata_files = { "plan.json", "lock.json" },
      sources = not options.skip_sources and source.file_names(lock.sources) or {},
      epoch = made.epoch,
      jobs = options.jobs,
    })
  else
    log.info "next: `bq scripts/coordinator.lua`"
  end
end

--- How the plan of a workspace was made: the command line, the folders of recipes, the text of the script.
---@param space bq.Workspace
---@return table command
---@return string[] folders
---@return string? script
function prepare.provenance(space)
  -- Inside, the command line of the machine outside means nothing.
  local command = not space.inside and space:read_json "command.json"
    or {
      script = workspace.SHARE .. "/scripts/build_sysroot.lua",
      arguments = {},
      folder = "/",
      recipes = { workspace.SHARE .. "/scripts/packages" },
    }
  -- The library that counts is that of the run that made the plan, wherever this one was started.
  host.module_folders = command.modules or host.module_folders
  host.program_folders = command.programs or host.program_folders
  local path = command.script:find "^[/$]" and command.script or command.folder .. "/" .. command.script
  return command, command.recipes or prepare.recipe_folders {}, files.read(path)
end

--- Brings bq, the library and the programs in a rootfs up to date with those that run.
---@param space bq.Workspace
---@param root? string the staged one if absent
function prepare.restage(space, root)
  local _, folders, script = prepare.provenance(space)
  stage.install(root or space:at "rootfs", folders, script)
end

--- Makes the plan again if what it was made from has changed since.
---@param space bq.Workspace
---@param made table
---@return table plan
function prepare.refresh(space, made)
  local command, folders, script = prepare.provenance(space)
  local stale = plan.stale(made, recipe.collection(folders))
  if not stale and made.script and script and digest.sha256(script) ~= made.script then
    stale = ("`%s` was edited"):format(command.script)
  end
  if not stale then
    return made
  end
  log.info(stale .. ": making the plan again")
  space:unlock()
  -- In the folders of this run; what was asked for once, and is no part of the plan, is not asked for again.
  -- A plain chroot has no /proc that would tell which program runs.
  local program = space.inside and "/usr/local/bin/bq" or process.executable()
  local argv = { program }
  for _, folder in ipairs(command.modules or {}) do
    table.move({ "--lib", folder }, 1, 2, #argv + 1, argv)
  end
  argv[#argv + 1] = command.script
  local skip = false
  for _, word in ipairs(command.arguments) do
    if skip then
      skip = false
    elseif word == "--output" or word == "--workspace" then
      skip = true
    elseif word ~= "--update-seed" and not word:find "^%-%-output=" and not word:find "^%-%-workspace=" then
      argv[#argv + 1] = word
    end
  end
  table.move({ "--workspace", space.path }, 1, 2, #argv + 1, argv)
  if space.inside then
    argv = { program, command.script, "--set", made.set, "--arch", made.arch }
    for _, name in ipairs { "only", "with", "without" } do
      for _, word in ipairs(made.selection[name]) do
        table.move({ "--" .. name, word }, 1, 2, #argv + 1, argv)
      end
    end
  end
  -- With the caller's streams: a plain chroot has no /dev/null.
  local status = process.run {
    argv = argv,
    cwd = command.folder,
    stdin = "inherit",
    stdout = "inherit",
    stderr = "inherit",
    die_with_parent = true,
  }
  if not status.ok then
    fail.exit(status.code or 1)
  end
  space:lock()
  return space:plan()
end

return prepare
