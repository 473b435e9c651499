-- What is kept of a step that failed: its log, and a record that says why.
local failure = require "bq.run.failure"
local fs = require "bq.fs"
local job = require "bq.run.job"
local json = require "bq.json"

-- How many of the last lines of a log are shown.
local TAIL <const> = 20

--- Why a step failed, as far as it is known.
---@return bq.StepFailure
local function reason(run, one, status)
  if one.talks then
    return { lines = failure.of_log(run.log_limit) }
  end
  local how = status.signal and "signal " .. status.signal or "status " .. tostring(status.code)
  local by = status.signal and "by" or "with"
  return failure.read(job.paths(one.folder).failure) or { lines = { ("error: ended %s %s"):format(by, how) } }
end

--- Keeps the log and the failure of a step.
---@param run bq.Run
---@param one bq.Running
---@param status { ok: boolean, seconds: number, code?: integer, signal?: string }
---@return table details as they are shown
local function record_failure(run, one, status)
  local id, space = one.step.id, run.workspace
  local log, own = space:log(id), job.paths(one.folder).log
  fs.remove(log)
  if not pcall(fs.link, own, log) then
    fs.copy(own, log)
  end
  local why = reason(run, one, status)
  local details = {
    step = id,
    version = one.step.version,
    key = run.state.keys[id],
    log = space:shown(log),
    lines = why.lines,
    command = why.command,
    excerpt = json.array(failure.excerpt(log, TAIL)),
    shell = not one.is_treeless and ("bq scripts/enter.lua --step %s%s"):format(id, space:option()) or nil,
    seconds = status.seconds,
  }
  fs.write(space:failure(id), json.encode(details, { pretty = true }), { sync = false })
  return details
end

return record_failure
