#!/usr/bin/env bq
-- Compares the store with its own records, or two workspaces with each other.
local args = require "bq.args"
local damage = require "bq.run.damage"
local display = require "bq.run.display"
local entries = require "bq.diff.entries"
local events = require "bq.events"
local fail = require "bq.fail"
local fs = require "bq.fs"
local log = require "bq.log"
local node = require "bq.diff.node"
local of_machine = require "bq.plan.of_machine"
local progress = require "bq.progress"
local record = require "bq.stage.record"
local side = require "bq.diff.side"
local state = require "bq.run.state"
local store = require "bq.store"
local visible = require "bq.visible"
local workspace = require "bq.workspace"

local options = args.parse({
  group = "look",
  about = "Checks the store, compares two builds file by file, or a build with what others got.",
  usage = "bq scripts/verify.lua [OPTIONS]",
  options = {
    { name = "store", help = "read every output again; what is damaged is removed, and built again by the next run" },
    { name = "against", value = "DIR", help = "compare the outputs of every step with those of another workspace" },
    { name = "expected", value = "FILE", help = "compare the outputs of every step with recorded digests" },
    { name = "record", value = "FILE", writes = true, help = "write the digests of what is built into such a file" },
    { name = "workspace", value = "DIR", help = "the folder of the build [default: data/sysroot]" },
    events.OPTION,
  },
}, arg)

local space = workspace.new(options.workspace)
if not (options.store or options.against or options.expected or options.record) then
  fail.usage("what is to be verified?", "`--store`, `--against DIR` or `--expected FILE`")
end
local bad = 0

if options.store then
  local plan = space:plan()
  -- Nothing is removed while a build runs. The next run finds the damage before it uses the output.
  local may_remove = space:try_lock()
  -- If the record of an entry is damaged, the step is found by the plan.
  local steps, build = {}, state.look(space, plan)
  for id, key in pairs(build.keys) do
    steps[key] = build.by_id[id]
  end
  local keys, found = store.keys(space), {}
  local bar <close> = progress.bar { label = "read outputs again", length = #keys }
  for index, key in ipairs(keys) do
    bar:set(index - 1)
    local meta, why = store.get(space, key)
    why = why or meta and store.check(space, meta)
    if why and fs.lstat(space:at("store", key)) then
      local step, own = steps[key], meta and meta.step
      found[#found + 1] = {
        key = key,
        step = step and step.id or own,
        own = own or step and of_machine.id(plan, step),
        output = meta and meta.output,
        why = why,
      }
      log.error(("store/%s (%s) is damaged"):format(key, found[#found].step or "unknown step"))
      log.raw("caused by: " .. visible(why))
    end
  end
  bad = #found
  if may_remove then
    display.new():removed(damage.remove(space, found))
  end
  bar:finish()
  events.say("summary", { outputs = #keys, damaged = bad })
  log.info(
    ("%d outputs in the store: %d damaged%s"):format(
      #keys,
      bad,
      bad > 0 and not may_remove and ", and not removed, since a build runs"
        or bad > 0 and (" and removed; run `bq scripts/coordinator.lua%s` to build them again"):format(space:option())
        or ""
    )
  )
end

--- The steps of a workspace that are in its store: key and output digest by id.
local function stored(one)
  local build, out = state.look(one, one:plan()), {}
  for _, step in ipairs(build.plan.steps) do
    out[step.id] = build.states[step.id] == "done" and { key = build.keys[step.id], output = build.outputs[step.id] }
      or {}
  end
  return out
end

--- The first path in which two outputs differ, and how.
local function first_difference(one, key, other, other_key)
  local function tree(space, name)
    local meta = store.get(space, name)
    return side.tree(store.output(space, name), meta and meta.attributes or {})
  end
  local top = node.new ""
  entries.compare(top, tree(one, key), tree(other, other_key), function() end)
  local first = top.nodes[1]
  return first and ("%s: %s"):format(first.name, first.facts[1] or "its content") or "nothing"
end

if options.against then
  local other = workspace.new(options.against)
  local here, there, same, ids, alone = stored(space), stored(other), 0, {}, 0 ---@type table, table, integer, string[], integer
  for id in pairs(here) do
    ids[#ids + 1] = there[id] and id or nil
    alone = alone + (there[id] and 0 or 1)
  end
  for id in pairs(there) do
    alone = alone + (here[id] and 0 or 1)
  end
  table.sort(ids)
  for _, id in ipairs(ids) do
    local a, b = here[id], there[id] ---@type table, table
    if a.output and a.output == b.output then
      same = same + 1
    else
      bad = bad + 1
      log.error(
        id
          .. (
            not a.output and " is not built here"
            or not b.output and " is not built in " .. other.path
            or " differs: " .. first_difference(space, a.key, other, b.key)
          )
      )
    end
  end
  if bad > 0 then
    log.info(
      ("`bq scripts/diff.lua %s %s` says what differs, and guesses why"):format(
        args.quote(space.path),
        args.quote(other.path)
      )
    )
  end
  log.info(
    ("%d steps have the same output, %d differ%s"):format(
      same,
      bad,
      alone > 0 and (", %d are in one of the plans only"):format(alone) or ""
    )
  )
  if same == 0 and bad == 0 then
    fail.raise("nothing was compared", { cause = "the plans have no step in common" })
  end
end

if options.expected then
  if not fs.stat(options.expected) then
    fail.usage(("`--expected %s`: no such file"):format(options.expected))
  end
  local build = state.look(space, space:plan())
  local found = record.compare(options.expected, build)
    or fail.raise(("`%s` has no digests of set %s"):format(options.expected, build.plan.set), {
      hint = "record them: `bq scripts/verify.lua --record FILE`",
    })
  for _, id in ipairs(found.differ) do
    bad = bad + 1
    log.error(("%s differs: output %s, recorded %s"):format(id, build.outputs[id], found.record.steps[id]))
  end
  for _, id in ipairs(found.other_seed) do
    log.warn(("%s differs, on another seed than the recorded one"):format(id))
  end
  log.info(
    ("%d steps as recorded on %s from %s, %d differ, %d differ on another seed, %d are not built here"):format(
      #found.same,
      found.record.date,
      found.record.seed,
      #found.differ,
      #found.other_seed,
      #found.absent
    )
  )
  if #found.same == 0 and #found.other_seed == 0 and bad == 0 then
    fail.raise("nothing was compared", { hint = ("build it: `bq scripts/coordinator.lua%s`"):format(space:option()) })
  end
end

if options.record then
  record.write(options.record, state.look(space, space:plan()), space:locked())
  log.info(("recorded in `%s`"):format(options.record))
end
if bad > 0 then
  fail.exit(1)
end
