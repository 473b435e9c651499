#!/usr/bin/env bq
-- Explains a step: its key, why it would be built, and what a change of it would build again.
local args = require "bq.args"
local explain = require "bq.run.explain"
local fail = require "bq.fail"
local find = require "bq.plan.find"
local json = require "bq.json"
local key = require "bq.plan.key"
local log = require "bq.log"
local report = require "bq.report"
local state = require "bq.run.state"
local visible = require "bq.visible"
local workspace = require "bq.workspace"

local options = args.parse({
  group = "look",
  about = "Explains a step by the plan and the store: the fields of its key, and why it would be built now. Builds nothing.",
  usage = "bq scripts/explain.lua STEP | --if NAME | --path A B  [OPTIONS]",
  positional = "STEP",
  options = {
    {
      name = "if",
      value = "NAME",
      help = "what a change of this step or package can build again, and how long that takes",
    },
    { name = "path", help = "why the first of two steps depends on the second one" },
    { name = "json", help = "as JSON, for programs" },
    { name = "workspace", value = "DIR", help = "the folder of the build [default: data/sysroot]" },
  },
}, arg)

local wanted = options.path and 2 or options["if"] and 0 or 1
if options.path and options["if"] then
  fail.usage "`--if` and `--path` answer different questions"
elseif #options ~= wanted then
  fail.usage(
    wanted == 2 and "`--path` takes two steps" or wanted == 1 and "which step?" or "`--if` takes one name only",
    "`bq scripts/status.lua` lists the steps"
  )
end

local space = workspace.new(options.workspace)
local build = state.look(space, space:plan())
local about = explain.new(build)
local steps = build.plan.steps

-- The widest name of a field that values are lined up behind.
local WIDTH <const> = 40
-- What is said of fields that have nothing in them.
local EMPTY <const> = { [""] = "none", ["{}"] = "none", ["[]"] = "none" }

--- What a change of a package can build again.
local function show_change(name)
  local found = about:rebuild(find.steps(steps, name))
  if options.json then
    log.out(json.encode(found, { pretty = true }))
    return
  end
  for _, id in ipairs(found.steps) do
    local seconds = about:seconds(id)
    log.out(("%-30s %s"):format(id, seconds and report.time(seconds) or "never built here"))
  end
  log.out(
    ("a change of `%s` builds at most %d of %d steps again: about %s of work, of which %s one after another%s"):format(
      name,
      #found.steps,
      #steps,
      report.time(found.seconds),
      report.time(found.longest),
      found.unknown > 0 and (" (without %d steps whose times are not known)"):format(found.unknown) or ""
    )
  )
  log.out "A step whose inputs come out as before is reused, and so are those that are built from it."
end

--- Why a step depends on another one.
local function show_path(from, to)
  local chain = about.graph:path(from, to)
  if options.json then
    log.out(json.encode({ from = from, to = to, chain = chain and json.array(chain) }, { pretty = true }))
  elseif not chain then
    log.out(("`%s` does not depend on `%s`"):format(from, to))
  else
    local before = from
    for _, link in ipairs(chain) do
      log.out(
        link.phase and ("%s is built on phase `%s`, which contains %s"):format(before, link.phase, link.id)
          or ("%s depends on %s"):format(before, link.id)
      )
      before = link.id
    end
  end
end

--- What is known of a step.
local function show_step(id)
  local step = build.by_id[id]
  local is_known = build.states[id] == "done" or build:readiness(step) == "ready"
  local inputs = is_known and key.inputs(build.context, step) or nil
  local fields = inputs and explain.fields(inputs) or {}
  local reason, waits = about:reason(id), is_known and {} or about:waits_for(id)
  if options.json then
    log.out(json.encode({
      step = id,
      version = step.version,
      key = inputs and key.of(inputs),
      output = build.outputs[id],
      reason = reason,
      waits_for = json.array(waits),
      inputs = inputs,
    }, { pretty = true }))
    return
  end
  log.out(("%s %s"):format(id, step.version))
  if build.states[id] == "done" then
    log.out(("done: its output %s is in the store; nothing changed since it was built"):format(build.outputs[id]))
  elseif reason then
    log.out("would be built now: " .. reason)
  else
    log.out "waits: its key is known when these are built"
    for _, one in ipairs(waits) do
      log.out(("  %s: %s"):format(one, about:reason(one)))
    end
  end
  if inputs then
    log.out(("key %s, made of"):format(key.of(inputs)))
    for _, field in ipairs(fields) do
      local value = EMPTY[field.value] or visible((field.value:gsub("\n", "\\n")))
      log.out(("  %-" .. WIDTH .. "s %s"):format(field.name, value))
    end
  end
end

if options["if"] then
  show_change(options["if"])
elseif options.path then
  show_path(find.step(steps, options[1]), find.step(steps, options[2]))
else
  show_step(find.step(steps, options[1]))
end
