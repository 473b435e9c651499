#!/usr/bin/env bq
-- Shows which steps are done, running, failed, and next.
local args = require "bq.args"
local fs = require "bq.fs"
local journal = require "bq.journal"
local json = require "bq.json"
local log = require "bq.log"
local report = require "bq.report"
local state = require "bq.run.state"
local why = require "bq.system.why"
local workspace = require "bq.workspace"

local options = args.parse({
  about = "Shows the state of every step of the plan.",
  usage = "bq scripts/status.lua [OPTIONS]",
  options = {
    { name = "workspace", value = "DIR", help = "the folder of the build [default: data/sysroot]" },
    { name = "json", help = "as JSON, for programs" },
    { name = "why", value = "NAME", help = "why a package is in the root, and who needs it" },
  },
}, arg)

local space = workspace.new(options.workspace)
local plan = space:plan()
local build = state.look(space, plan)
if options.why then
  for _, line in ipairs(why.lines(build, options.why)) do
    log.out(line)
  end
  return
end
local history = journal.by_step(space)
-- A start without an end counts only while a run has the workspace's lock.
local may, free = pcall(fs.lock, space:at ".lock", { shared = true })
if may and free then
  fs.unlock(free)
end

local rows, counts, left = {}, {}, 0
for _, step in ipairs(plan.steps) do
  local past = history[step.id] or {}
  local is, detail = build.states[step.id], "" ---@type string, string
  if is == "done" then
    detail = build.outputs[step.id]:sub(1, 16)
  elseif past.running and not free then
    is = "running"
    detail = "for " .. report.time(os.time() - past.running.time)
  elseif past.ended and not past.ended.ok then
    is, detail = "failed", space:log(step.id)
  else
    is = build:readiness(step) == "ready" and "next" or "waiting"
  end
  if is ~= "done" and past.done then
    left = left + past.done.seconds
  end
  counts[is] = (counts[is] or 0) + 1
  rows[#rows + 1] = { step = step.id, version = step.version, state = is, detail = detail }
end

if options.json then
  log.out(json.encode({ steps = rows, counts = counts }, { pretty = true }))
else
  for _, row in ipairs(rows) do
    log.out(("%-8s %-26s %-10s %s"):format(row.state, row.step, row.version, row.detail))
  end
  local parts = {}
  for _, name in ipairs { "done", "running", "failed", "next", "waiting" } do
    if counts[name] then
      parts[#parts + 1] = ("%d %s"):format(counts[name], name)
    end
  end
  log.out(
    ("%d steps: %s%s"):format(
      #rows,
      table.concat(parts, ", "),
      left > 0 and (", about %s of work left"):format(report.time(left)) or ""
    )
  )
end
