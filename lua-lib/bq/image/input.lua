-- Finds the parts of an image: phases of a workspace or a rootfs tarball, bq, the record of the build, sources.
local archive = require "bq.archive"
local content = require "bq.image.content"
local digest = require "bq.digest"
local fail = require "bq.fail"
local files = require "bq.files"
local finish = require "bq.stage.finish"
local finished = require "bq.system.finished"
local fs = require "bq.fs"
local job = require "bq.run.job"
local json = require "bq.json"
local log = require "bq.log"
local metadata = require "bq.stage.metadata"
local command = require "bq.stage.command"
local mounts = require "bq.image.mounts"
local nearest = require "bq.nearest"
local program = require "bq.stage.program"
local schema = require "bq.schema"
local stage = require "bq.stage.stage"
local state = require "bq.run.state"
local system_root = require "bq.system.root"
local tables = require "bq.tables"
local union = require "bq.stage.union"
local workspace = require "bq.workspace"

local input = {}

local BINARY <const> = "usr/local/bin/bq"

---@class bq.image.Input
---@field space bq.Workspace
---@field plan table
---@field lock table
---@field packages table[] of the phases that were used, for the manifest
---@field rootfs bq.Part[] empty if it is in a tarball
---@field is_system? boolean `rootfs` is the finished root of a system: nothing is added to it but a record of the image
---@field tarball? string
---@field additions bq.Part[]
---@field kernel? string path, on this machine; of formats with a kernel
---@field kernel_attributes? bq.Attribute
---@field config? string path of the kernel's configuration
---@field stub? string path of the program that carries a kernel with its command line
---@field tools? string[] trees, the topmost first; of disks
---@field mkfs table<string, string> programs in those, by file system

local function add_package(packages, run, step)
  packages[#packages + 1] = {
    phase = step.phase,
    name = step.name,
    version = step.version,
    license = step.license,
    key = run.keys[step.id],
    output = run.outputs[step.id],
  }
end

--- The outputs of a phase as parts. Each is added to the list of packages.
local function phase_parts(run, phase, packages)
  local ids, parts = run:phase_steps(phase), {}
  if #ids == 0 then
    local option = run.workspace:option()
    fail.raise(("the plan has nothing in phase `%s`"):format(phase), {
      hint = ("plan with a set that has it: `bq scripts/build_sysroot.lua --set image%s`, "):format(option)
        .. ("then `bq scripts/coordinator.lua%s`"):format(option),
    })
  end
  -- Raises if one of them is not built.
  run:phase_outputs(phase)
  for index, id in ipairs(ids) do
    local step = run.by_id[id]
    parts[index] = union.part(run, step)
    add_package(packages, run, step)
  end
  return parts
end

--- The rootfs that was asked for: a phase, a folder or a tarball.
local function find_rootfs(found, run, what)
  local plan = found.plan
  if plan.phases[what] then
    found.rootfs = phase_parts(run, what, found.packages)
    return
  end
  local stat = fs.stat(what)
  if stat and stat.type == "dir" then
    local root = fs.realpath(what)
    local said = finish.attributes(root)
    found.rootfs = { { path = root, package = "the rootfs", attributes = said, yields = true } }
  elseif not stat or stat.type ~= "file" then
    local near = nearest(what, plan.phases)
    fail.usage(
      ("`--rootfs %s`: neither a phase of the plan, nor a tarball or a folder"):format(what),
      near and ("did you mean `%s`?"):format(near) or "the phases are " .. table.concat(plan.phase_order, ", ")
    )
  end
  found.tarball = stat.type == "file" and what or nil
end

--- The finished root of a system. All that it has was said by its page.
local function find_system(found, run)
  if not finished.is_current(found.space, run) then
    fail.raise(("the finished root is not that of the system `%s` as it is now"):format(found.plan.system.name), {
      hint = "finish it first: `bq scripts/finish.lua --tree`",
    })
  end
  local root = found.space:at "finished"
  found.is_system = true
  found.rootfs = { { path = root, package = "the system", attributes = finish.attributes(root), yields = true } }
  local manifest = schema.read(root .. workspace.INSIDE .. "/manifest.json", metadata.MANIFEST)
  for _, one in ipairs(manifest.packages) do
    one.why = nil
    table.insert(found.packages, one)
  end
end

--- The root of what `--with` asked for.
local function find_own(found, run)
  found.rootfs = system_root.packages(run)
  for _, part in ipairs(found.rootfs) do
    add_package(found.packages, run, part.step)
  end
end

--- The parts of the phase with the kernel. What firmware starts is not of the root.
local function find_additions(found, run, from, kind)
  found.additions = phase_parts(run, from.additions, found.packages)
  for _, part in ipairs(found.additions) do
    for _, name in ipairs { "kernel", "config", "stub" } do
      local path = from[name]
      if path and fs.stat(part.path .. path) then
        found[name] = part.path .. path
        if name == "kernel" then
          found.kernel_attributes = part.attributes and part.attributes[path:sub(2)]
        end
      end
    end
    part.leave_out = tables.append({ from.kernel, from.stub }, part.leave_out)
  end
  if kind.kernel and not found.kernel then
    fail.raise(("no package of phase `%s` has a kernel at `%s`"):format(from.additions, from.kernel))
  end
end

--- Finds what the command line and the plan of a disk name. Raises if something is missing.
---@param space bq.Workspace
---@param from bq.image.Plan
---@param rootfs? string
---@param kind bq.image.Format
---@param wish bq.image.Wish
---@return bq.image.Input
function input.find(space, from, rootfs, kind, wish)
  local plan = space:plan()
  local run = state.look(space, plan)
  local found = {
    space = space,
    plan = plan,
    lock = space:locked(),
    packages = json.array {},
    rootfs = {},
    additions = {},
    mkfs = from.mkfs,
  }
  if plan.system and not rootfs then
    find_system(found, run)
  elseif plan.root and #plan.selection.with > 0 and not rootfs then
    find_own(found, run)
  else
    find_rootfs(found, run, rootfs or from.rootfs)
  end
  if kind.boots then
    find_additions(found, run, from, kind)
    -- What a machine does when it starts, a system says itself.
    found.additions = found.is_system and {} or found.additions
  end
  if kind.disk then
    local tools = union.of(phase_parts(run, from.tools, {}))
    found.tools = run:phase_outputs(from.tools)
    local wanted = { from.mkfs[wish.root], #wish.slices > 0 and from.mkfs.ext4 or nil }
    for _, program in ipairs(wanted) do
      if not content.find(tools, program) then
        fail.raise(("no package of phase `%s` has `%s`"):format(from.tools, program))
      end
    end
  end
  return found
end

--- The kernel that a workspace has built.
---@param space bq.Workspace
---@param from { additions: string, kernel: string }
---@return string path
function input.kernel(space, from)
  local found = { packages = {} }
  find_additions(found, state.look(space, space:plan()), from, { kernel = true })
  return found.kernel
end

--- Puts bq, its library and its programs into a folder.
local function add_bq(root, found, options)
  local own = program.of(found.plan.arch, options.bq)
  stage.install(root, (command.recall(found.space, found.plan)), own)
end

--- Writes the record of the build, in the folder that is the workspace inside of the root.
---@param made string[] the folders that are in the root for bq alone
local function add_record(folder, found, parts, tree, made, options)
  local place <const> = workspace.INSIDE:sub(2)
  local function write(name, value)
    local path = ("%s/record/%s/%s"):format(job.paths(folder).home, place, name)
    fs.mkdir((path:match "^(.*)/"))
    fs.write(path, json.encode(value, { pretty = true }), { sync = false })
  end
  local plan = found.plan
  local bill = {
    schema = 1,
    arch = plan.arch,
    set = plan.set,
    target = plan.target,
    epoch = plan.epoch,
    packages = found.packages,
  }
  bill.seed = found.lock.seed and { id = found.lock.seed.id, digest = found.lock.seed.digest }
  local records = found.is_system and {}
    or { ["plan.json"] = plan, ["lock.json"] = found.lock, ["manifest.json"] = bill }
  for name, value in pairs(records) do
    -- A finished system already has these files.
    if not tree.entries[place .. "/" .. name] then
      write(name, value)
    end
  end
  write("image.json", {
    schema = 1,
    arch = plan.arch,
    epoch = plan.epoch,
    root = options.wish.root,
    label = options.wish.label,
    kernel = found.kernel and digest.file(found.kernel),
    rootfs = found.tarball and digest.file(found.tarball) or nil,
    bq = content.digest(tree, "/" .. BINARY),
    packages = found.packages,
  })
  -- This file marks a root that can build. Its seed is the root itself.
  if not found.is_system and not tree.entries[workspace.STAGED:sub(2)] then
    local root = job.paths(folder).home .. "/record"
    fs.mkdir(root .. workspace.STAGED:match "^(.*)/")
    stage.mark(root, { seed_id = "disk", seed_digest = digest.sha256(json.encode(found.packages)), made = made })
  end
  parts[#parts + 1] = { path = job.paths(folder).home .. "/record", package = "the record" }
end

local function add_sources(found, parts)
  local seen = {}
  for _, locked in pairs(found.lock.sources or {}) do
    local path = found.space:at("sources", locked.file)
    if not fs.stat(path) then
      fail.raise(
        ("the source `%s` is not in the workspace"):format(locked.file),
        { hint = ("fetch it: `bq scripts/build_sysroot.lua%s`"):format(found.space:option()) }
      )
    elseif not seen[locked.file] then
      seen[locked.file] = true
      parts[#parts + 1] = {
        path = path,
        prefix = workspace.INSIDE:sub(2) .. "/sources/" .. locked.file,
        mode = files.mode "0644",
        package = "sources",
      }
    end
  end
end

--- The parts of the root, the lowest first.
---@param folder string to work in, as `job.clean` leaves it
---@param found bq.image.Input
---@param options { wish: bq.image.Wish, bq?: string, sources?: boolean }
---@return bq.Part[]
function input.parts(folder, found, options)
  -- All other parts go before it, so that a rootfs keeps its own files.
  local own = { path = job.paths(folder).home .. "/own", package = "bq", yields = true }
  fs.mkdir(own.path)
  local places, parts = found.is_system and {} or stage.places(own.path), {}
  if found.tarball then
    local root = job.paths(folder).home .. "/rootfs"
    local summary = fail.wrap(("cannot read the rootfs `%s`"):format(found.tarball), nil, archive.extract, {
      path = found.tarball,
      target = root,
      profile = "rootfs",
      attributes = "collect",
      devices = "skip",
    })
    -- It has no recipe that could say `yields`, so all other parts go before it.
    parts[#parts + 1] = { path = root, package = "the rootfs", attributes = summary.attributes, yields = true }
  end
  tables.append(parts, found.rootfs)
  tables.append(parts, found.additions)
  local rest, made = union.of(parts), json.array {}
  for _, place in ipairs(places) do
    made[#made + 1] = not rest.entries[place] and place or nil
  end
  if not found.is_system and not rest.entries[BINARY] then
    add_bq(own.path, found, options)
  elseif options.bq then
    log.warn(
      ("`--bq %s` is not used: %s"):format(
        options.bq,
        rest.entries[BINARY] and rest.entries[BINARY].part.package .. " has a bq" or "the system has none"
      )
    )
  end
  table.insert(parts, 1, own)
  local tree = union.of(parts)
  parts[#parts + 1] = mounts.part(job.paths(folder).home .. "/disk", tree, options.wish, BINARY)
  add_record(folder, found, parts, tree, made, options)
  if options.sources then
    add_sources(found, parts)
  end
  return parts
end

return input
