-- What a root needs to run: the packages that were asked for, and all whose files theirs need. What a program needs is read from
-- its file: the libraries and the loader of ELF, the interpreter of a script. What opens by dlopen(3) says its recipe, by `runs_with`.
local choice = require "bq.plan.choice"
local elf = require "bq.elf"
local fail = require "bq.fail"
local files = require "bq.files"
local fs = require "bq.fs"
local log = require "bq.log"
local parts = require "bq.system.parts"
local siblings = require "bq.run.siblings"
local store = require "bq.store"
local tables = require "bq.tables"

local closure = {}

-- How many mistakes are shown.
local MAX_SHOWN <const> = 20
-- Where musl's loader looks, when a file does not say where.
local LIBRARIES <const> = { "usr/lib", "lib", "usr/local/lib" }
-- Where `env` looks.
local PROGRAMS <const> = { "usr/local/bin", "usr/bin", "usr/sbin", "bin", "sbin" }
local EXECUTABLE <const> = files.mode "0111"

---@class bq.system.Why
---@field by string who needs it: a package, or who asked for it
---@field what string `/usr/bin/curl needs libz.so.1`

---@class bq.system.Closure
---@field steps bq.PlanStep[] the lowest of their outputs first
---@field why table<string, bq.system.Why[]> by step id, the first reason first
---@field left_out table<string, table<string, true>> by step id, the paths of its output that the root does not take

--- The steps that a root can be made of, by the names of their packages: of two, that of the later phase.
---@param build bq.State
---@return table<string, bq.PlanStep>
function closure.candidates(build)
  local out, root = {}, build.plan.root
  for _, phase in ipairs(root and root.phases or {}) do
    for _, step in ipairs(build.plan.steps) do
      if step.phase == phase then
        out[step.name] = step
      end
    end
  end
  return out
end

--- The names of the packages that a root begins with, each with who asked for it.
---@param made bq.Plan
---@param candidates table<string, bq.PlanStep>
---@return { name: string, by: string }[]
function closure.asked(made, candidates)
  local out = {}
  for _, name in ipairs(made.root.packages) do
    out[#out + 1] = { name = name, by = "every root" }
  end
  local by = made.system and ("the system `%s`"):format(made.system.name) or "`--with`"
  local named = choice.asked { with = made.selection.with, system = made.system }
  if not made.system and #named == 0 then
    by, named = ("set `%s`"):format(made.set), tables.names(candidates)
  end
  for _, name in ipairs(named) do
    -- `--with NAME@PHASE` may be of a phase that no root is made of.
    out[#out + 1] = candidates[name] and { name = name, by = by } or nil
  end
  return out
end

--- The paths of the outputs of all candidates: whose each is, and where its links lead.
local function index_of(build, candidates)
  local owners, links = {}, {}
  for _, step in tables.sorted(candidates) do
    local top = store.output(build.workspace, build.keys[step.id])
    for _, entry in ipairs(fs.walk(top)) do
      local before = owners[entry.path]
      -- Of two programs, the one that yields is not in the root.
      if not before or before.yields then
        owners[entry.path] = entry.type ~= "dir" and step or before
        if entry.type == "link" then
          links[entry.path] = fs.readlink(top .. "/" .. entry.path)
        end
      end
    end
  end
  return owners, links
end

--- The step that has a path of the root, links followed; also each whose link leads there.
local function owner_of(index, path)
  local found = {}
  local at = files.follow(path, function(name)
    local target = index.links[name]
    if target then
      found[#found + 1] = index.owners[name]
    end
    return target
  end)
  local step = at and index.owners[at]
  return step and tables.append(found, { step }) or nil
end

--- Who has a library, as the loader of a program would find it.
local function find_library(index, path, library, name)
  if name:find "/" then
    return owner_of(index, (name:gsub("^/", "")))
  end
  local folders = {}
  for _, folder in ipairs(library.paths) do
    local origin = files.parent(path)
    folders[#folders + 1] = folder:gsub("%${?ORIGIN}?", "/" .. origin):gsub("^/+", "")
  end
  for _, folder in ipairs(tables.append(folders, LIBRARIES)) do
    local found = owner_of(index, folder .. "/" .. name)
    if found then
      return found
    end
  end
end

--- The interpreter of a script, and what `env` starts for it.
local function interpreters(place)
  local file <close> = assert(io.open(place, "rb"))
  local line = (file:read(256) or ""):match "^#![ \t]*([^\n]*)"
  local words = {}
  for word in (line or ""):gmatch "%S+" do
    words[#words + 1] = word
  end
  local program = words[1]
  if program and files.name(program) == "env" then
    local at = words[2] == "-S" and 3 or 2
    while words[at] and words[at]:find "=" do
      at = at + 1
    end
    return program, words[at]
  end
  return program
end

--- Calls `need` with each file of a step that needs something, and with what: `library`, `program`.
local function each_need(build, step, left_out, index, need)
  local top = store.output(build.workspace, build.keys[step.id])
  for _, entry in ipairs(fs.walk(top)) do
    local place = top .. "/" .. entry.path
    if entry.type == "file" and not left_out[entry.path] then
      local found = entry.size >= 64 and elf.read(place) or nil
      if found and found.machine == build.plan.arch then
        for _, name in ipairs(found.needed) do
          need(entry.path, "library", name, find_library(index, entry.path, found, name))
        end
        if found.interpreter then
          need(entry.path, "library", found.interpreter, owner_of(index, (found.interpreter:gsub("^/", ""))))
        end
      elseif not found and entry.mode & EXECUTABLE ~= 0 then
        local program, by_env = interpreters(place)
        if program and program:find "^/" then
          need(entry.path, "program", program, owner_of(index, program:sub(2)))
        end
        for _, folder in ipairs(by_env and PROGRAMS or {}) do
          local of = owner_of(index, folder .. "/" .. by_env)
          if of or folder == PROGRAMS[#PROGRAMS] then
            need(entry.path, "program", by_env, of)
            break
          end
        end
      end
    end
  end
end

local function refuse(mistakes)
  if #mistakes == 0 then
    return
  end
  local notes = table.move(mistakes, 1, math.min(#mistakes, MAX_SHOWN), 1, {})
  notes[#notes + 1] = #mistakes > MAX_SHOWN and ("  and %d more"):format(#mistakes - MAX_SHOWN) or nil
  fail.raise(
    #mistakes == 1 and "a program of the root needs what no package has"
      or ("%d things that programs of the root need are in no package"):format(#mistakes),
    { notes = notes, hint = "let the recipe of the package `depends` on the package that has it" }
  )
end

--- Finds what a root needs. All that it is made of has to be built.
---@param build bq.State that has looked into the store
---@return bq.system.Closure
function closure.of(build)
  local made, candidates = build.plan, closure.candidates(build)
  local wanted = made.system and made.system.parts or { "run" }
  local all = {}
  for _, step in tables.sorted(candidates) do
    all[#all + 1] = step
  end
  build:require_done(all)
  local index = {}
  index.owners, index.links = index_of(build, candidates)
  local why, left_out, queue, mistakes, warned = {}, {}, {}, {}, {}
  local function add(step, by, what)
    if not why[step.id] then
      build:require_sound(step.id)
      why[step.id] = {}
      queue[#queue + 1] = step
    end
    table.insert(why[step.id], { by = by, what = what })
  end
  for _, one in ipairs(closure.asked(made, candidates)) do
    local step = candidates[one.name]
    if not step then
      fail.raise(("the plan has no package `%s`, which every root has"):format(one.name))
    end
    add(step, one.by, "it was asked for")
  end
  while #queue > 0 do
    local step = table.remove(queue, 1)
    local top = store.output(build.workspace, build.keys[step.id])
    left_out[step.id] = parts.left_out(top, wanted, step.parts)
    local said = {}
    each_need(build, step, left_out[step.id], index, function(path, kind, name, owners)
      for _, owner in ipairs(owners or {}) do
        local what = ("/%s needs %s"):format(path, name)
        if owner ~= step and not said[owner.id .. name] then
          said[owner.id .. name] = true
          add(owner, step.name, what)
        end
      end
      local line = ("  /%s (%s) needs `%s`"):format(path, step.name, name)
      if not owners and kind == "library" then
        mistakes[#mistakes + 1] = line
      elseif not owners and not warned[step.id .. name] then
        warned[step.id .. name] = true
        log.warn(("/%s of `%s` is a script for `%s`, which no package has"):format(path, step.name, name))
      end
    end)
    for _, name in ipairs(step.runs_with or {}) do
      if candidates[name] then
        add(candidates[name], step.name, "its recipe says so, by `runs_with`")
      end
    end
  end
  refuse(mistakes)
  local steps = {}
  for _, phase in ipairs(made.root.phases) do
    local ids = {}
    for id in pairs(why) do
      ids[#ids + 1] = build.by_id[id].phase == phase and id or nil
    end
    for _, id in ipairs(siblings.layered(build.by_id, ids)) do
      steps[#steps + 1] = build.by_id[id]
    end
  end
  return { steps = steps, why = why, left_out = left_out }
end

return closure
