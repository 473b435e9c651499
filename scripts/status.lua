#!/usr/bin/env bq
-- Shows which steps are done, running, failed, and next.
local args = require "bq.args"
local find = require "bq.plan.find"
local json = require "bq.json"
local listing = require "bq.run.listing"
local log = require "bq.log"
local overview = require "bq.run.overview"
local state = require "bq.run.state"
local why = require "bq.system.why"
local workspace = require "bq.workspace"

local options = args.parse({
  group = "look",
  about = "Shows the state of every step of the plan.",
  usage = "bq scripts/status.lua [OPTIONS]",
  options = {
    { name = "workspace", value = "DIR", help = "the folder of the build [default: data/sysroot]" },
    {
      name = "json",
      help = "as JSON, for programs: key, output, seconds, size, dependencies, state and reason of each",
    },
    { name = "tree", help = "each phase with its steps, and below each step those that it names" },
    { name = "largest", help = "by the size of the outputs" },
    { name = "slowest", help = "by the time that they took the last time" },
    {
      name = "depends-on",
      value = "NAME",
      help = "only the steps that are built from this step or package, directly or not",
    },
    { name = "why", value = "NAME", help = "why a package is in the root, and who needs it" },
  },
}, arg)

local space = workspace.new(options.workspace)
local build = state.look(space, space:plan())
if options.why then
  for _, line in ipairs(why.lines(build, options.why)) do
    log.out(line)
  end
  return
end
local found = overview.of(build, {
  seconds = options.json or options.slowest,
  sizes = options.json or options.largest,
})
local rows, wanted = {}, {}
local dependents = options.depends_on and found.about.graph:dependents(find.steps(build.plan.steps, options.depends_on))
for _, row in ipairs(found.rows) do
  if not dependents or dependents[row.step] then
    rows[#rows + 1], wanted[row.step] = row, true
  end
end

if options.json then
  log.out(json.encode({ steps = json.array(rows), counts = found.counts }, { pretty = true }))
  return
end
local lines = options.tree and listing.tree(build.plan, found.by_step, wanted)
  or options.largest and listing.by(rows, "size")
  or options.slowest and listing.by(rows, "seconds")
  or listing.lines(rows, space)
for _, line in ipairs(lines) do
  log.out(line)
end
if dependents then
  log.out(("%d of %d steps are built from `%s`"):format(#rows, #found.rows, options.depends_on))
elseif not (options.largest or options.slowest) then
  log.out(listing.summary(found))
end
