#!/usr/bin/env bq
-- What is done, running, failed, and next.
local args = require "bq.args"
local coordinator = require "bq.run.coordinator"
local fs = require "bq.fs"
local journal = require "bq.journal"
local json = require "bq.json"
local log = require "bq.log"
local report = require "bq.report"
local workspace = require "bq.workspace"

local options = args.parse({
  about = "Shows the state of every step of the plan.",
  usage = "bq scripts/status.lua [OPTIONS]",
  options = {
    { name = "workspace", value = "DIR", help = "the folder of the build [default: data/sysroot]" },
    { name = "json", help = "as JSON, for programs" },
  },
}, arg)

local space = workspace.new(options.workspace)
local plan = space:plan()
local build = coordinator.new { workspace = space, plan = plan, report = report.new(), jobs = 1 }
build:look()
local history = journal.by_step(space)
-- A start without an end counts only while somebody holds the workspace.
local may, free = pcall(fs.lock, space:at ".lock", { shared = true })
if may and free then
  fs.unlock(free)
end

local rows, counts, left = {}, {}, 0
for _, step in ipairs(plan.steps) do
  local past = history[step.id] or {}
  local state, detail = build.state[step.id], ""
  if state == "done" then
    detail = build.context.outputs[step.id]:sub(1, 16)
  elseif past.running and not free then
    state = "running"
    detail = "for " .. report.time(os.time() - past.running.time)
  elseif past.ended and not past.ended.ok then
    state, detail = "failed", space:at("logs", (step.id:gsub("/", "-")) .. ".log")
  else
    state = build:is_ready(step) and "next" or "waiting"
  end
  if state ~= "done" and past.done then
    left = left + past.done.seconds
  end
  counts[state] = (counts[state] or 0) + 1
  rows[#rows + 1] = { step = step.id, version = step.version, state = state, detail = detail }
end

if options.json then
  log.out(json.encode({ steps = rows, counts = counts }, { pretty = true }))
else
  for _, row in ipairs(rows) do
    log.out(("%-8s %-26s %-10s %s"):format(row.state, row.step, row.version, row.detail))
  end
  local parts = {}
  for _, state in ipairs { "done", "running", "failed", "next", "waiting" } do
    if counts[state] then
      parts[#parts + 1] = ("%d %s"):format(counts[state], state)
    end
  end
  log.out(("%d steps: %s%s"):format(#rows, table.concat(parts, ", "), left > 0 and (", about %s of work left"):format(report.time(left)) or ""))
end
