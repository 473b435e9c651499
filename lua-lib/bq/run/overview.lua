-- All steps of a plan, a row each: state, key, output, time, size, dependencies and reason. Reads the plan, the store and the
-- journal; builds nothing.
local explain = require "bq.run.explain"
local fs = require "bq.fs"
local json = require "bq.json"
local report = require "bq.report"
local store = require "bq.store"

local overview = {}

---@class bq.Row
---@field step string
---@field version string
---@field license string
---@field state "done"|"running"|"failed"|"next"|"waiting"
---@field key? string if it is known
---@field output? string of a step that is done
---@field seconds? number that it took the last time; with `seconds`
---@field since? integer of a running step: when it began
---@field size? integer bytes of the files of its output; with `sizes`
---@field files? integer how many files and links these are
---@field dependencies string[] the steps that it names
---@field base string[] the phases that it is built on
---@field reason? string why it was built the last time, or would be built now, or what it waits for

---@class bq.Overview
---@field rows bq.Row[] by the order of the plan
---@field by_step table<string, bq.Row>
---@field about bq.Explain
---@field counts table<string, integer> by state

--- Whether no run works in the workspace: a start without an end counts only while one has its lock.
---@param space bq.Workspace
---@return boolean
local function is_free(space)
  local may, free = pcall(fs.lock, space:at ".lock", { shared = true })
  if may and free then
    fs.unlock(free)
  end
  return free ~= nil and free ~= false
end

--- The bytes and the number of the files of an output.
---@param space bq.Workspace
---@param key string
---@param visit? fun(entry: bq.fs.Entry) called for each file
---@return integer bytes
---@return integer files that are files or links
function overview.size(space, key, visit)
  local bytes, files = 0, 0
  for _, entry in ipairs(fs.walk(store.output(space, key))) do
    if entry.type ~= "dir" then
      bytes, files = bytes + (entry.type == "file" and entry.size or 0), files + 1
      if visit and entry.type == "file" then
        visit(entry)
      end
    end
  end
  return bytes, files
end

--- What a waiting step waits for: steps that it names, and phases.
local function waits(build, step)
  local out = {}
  for _, id in ipairs(step.depends) do
    out[#out + 1] = build.states[id] ~= "done" and ("`%s`"):format(id) or nil
  end
  for _, name in ipairs(build.plan.phases[step.phase].base) do
    local left = build:left_of(name)
    if left > 0 then
      out[#out + 1] = ("%s of phase `%s`"):format(report.count(left, "step"), name)
    end
  end
  return "waits for " .. table.concat(out, ", ")
end

local function row_of(build, about, step, free)
  local id = step.id
  local past = about.history[id] or {}
  local row = {
    step = id,
    version = step.version,
    license = step.license,
    key = build.keys[id],
    output = build.outputs[id],
    dependencies = json.array { table.unpack(step.depends) },
    base = json.array { table.unpack(build.plan.phases[step.phase].base) },
  }
  local is_ready = build.states[id] ~= "done" and build:readiness(step) == "ready"
  if build.states[id] == "done" then
    row.state = "done"
    row.reason = past.started and past.started.key == row.key and past.started.reason or nil
  elseif past.running and not free then
    row.state, row.since, row.reason = "running", past.running.time, past.running.reason
  elseif past.ended and not past.ended.ok then
    row.state = "failed"
  else
    row.state = is_ready and "next" or "waiting"
  end
  if row.state ~= "done" and row.state ~= "running" then
    row.reason = is_ready and about:reason(id) or waits(build, step)
  end
  return row
end

--- The rows of a build.
---@param build bq.State that has looked into the store
---@param options? { seconds?: boolean, sizes?: boolean } with times, for which the records of outputs are read, and with sizes, for
---  which their folders are read
---@return bq.Overview
function overview.of(build, options)
  local about, free = explain.new(build), is_free(build.workspace)
  local out = { rows = {}, by_step = {}, about = about, counts = {} }
  for index, step in ipairs(build.plan.steps) do
    local row = row_of(build, about, step, free)
    row.seconds = options and options.seconds and about:seconds(step.id) or nil
    if options and options.sizes and row.state == "done" then
      row.size, row.files = overview.size(build.workspace, row.key)
    end
    out.rows[index], out.by_step[step.id] = row, row
    out.counts[row.state] = (out.counts[row.state] or 0) + 1
  end
  return out
end

return overview
