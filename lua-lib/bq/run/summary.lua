-- What a run came to, on less than a screen.
local files = require "bq.files"
local fs = require "bq.fs"
local json = require "bq.json"
local report = require "bq.report"
local store = require "bq.store"
local tables = require "bq.tables"

local summary = {}

-- How many of the slowest steps are named.
local SLOWEST <const> = 5

---@class bq.Summary
---@field counts { built: integer, reused: integer, fetched: integer, failed: integer }
---@field package took { id: string, key: string, seconds: number, bytes?: integer }[]
local Summary = {}
Summary.__index = Summary

---@return bq.Summary
function summary.new()
  return setmetatable({ counts = { built = 0, reused = 0, fetched = 0, failed = 0 }, took = {} }, Summary)
end

---@param id string
---@param meta bq.Meta
function Summary:built(id, meta)
  self.counts.built = self.counts.built + 1
  self.took[#self.took + 1] = { id = id, key = meta.key, seconds = meta.seconds }
end

function Summary:reused()
  self.counts.reused = self.counts.reused + 1
end

--- An output came from a store or cache.
function Summary:fetched()
  self.counts.fetched = self.counts.fetched + 1
end

--- An output that was to be reused cannot be had.
function Summary:lost()
  self.counts.reused = math.max(self.counts.reused - 1, 0)
end

function Summary:failed()
  self.counts.failed = self.counts.failed + 1
end

--- How many steps of this run are done.
---@return integer
function Summary:count()
  return self.counts.built + self.counts.reused
end

--- The slowest steps that were built, the slowest first.
local function slowest(self)
  local all = table.move(self.took, 1, #self.took, 1, {})
  table.sort(all, function(a, b)
    return a.seconds > b.seconds or a.seconds == b.seconds and a.id < b.id
  end)
  return table.move(all, 1, math.min(#all, SLOWEST), 1, {})
end

--- The bytes of a tree's files; 0 for one that cannot be read.
local function bytes_of(tree)
  local ok, bytes = pcall(function()
    return files.bytes(tree, fs.lstat(tree))
  end)
  return ok and bytes or 0
end

--- The bytes of all outputs that were built, and the largest.
local function sizes(self, workspace)
  local all, largest = 0, nil ---@type integer, { id: string, bytes: integer }?
  for _, one in ipairs(self.took) do
    one.bytes = one.bytes or bytes_of(store.output(workspace, one.key))
    all = all + one.bytes
    if not largest or one.bytes > largest.bytes then
      largest = one
    end
  end
  return all, largest
end

-- How many failed steps are named.
local MOST_FAILED <const> = 5

-- States, with the word for them: when a run is over, nothing runs any more.
---@type [string, string][]
local STATES <const> = {
  { "done", "done" },
  { "failed", "failed" },
  { "blocked", "blocked" },
  { "waiting", "waiting" },
  { "running", "stopped" },
}

--- How many steps of the plan are in each state.
local function states(run)
  local counts, parts = {}, {}
  for _, one in pairs(run.state.states) do
    counts[one] = (counts[one] or 0) + 1
  end
  for _, one in ipairs(STATES) do
    parts[#parts + 1] = counts[one[1]] and ("%d %s"):format(counts[one[1]], one[2]) or nil
  end
  return ("%d steps: %s"):format(#run.plan.steps, table.concat(parts, ", ")), counts
end

--- The lines about steps that failed: their logs, and what is next.
local function failures(list)
  local out, names = {}, {}
  for index = 1, math.min(#list, MOST_FAILED) do
    out[index] = (index == 1 and "log: " or "     ") .. list[index].log
    names[index] = ("`%s`"):format(list[index].step)
  end
  if #list > MOST_FAILED then
    names[#names + 1] = ("%d more"):format(#list - MOST_FAILED)
  end
  out[#out + 1] = ("next: mend %s, then run the same command"):format(table.concat(names, ", "))
  return out
end

--- What workers built; `nil` if there are none.
local function workers(away)
  if not away then
    return nil
  end
  local counts = away.counts
  local waited = counts.queued >= 1 and (", after %s in queues"):format(report.time(counts.queued)) or ""
  return ("workers built %d of them%s"):format(counts.built, waited)
end

--- The lines of the summary. The last one counts the steps of the plan.
---@param run bq.Run
---@param seconds number what the run took
---@param next? string the command that is next if all is done
---@return string[]
function Summary:lines(run, seconds, next)
  local counts, space, out = self.counts, run.workspace, {}
  local line, by_state = states(run)
  local done = by_state.done or 0
  local parts = { ("built %d"):format(counts.built), ("reused %d"):format(done - counts.built) }
  parts[#parts + 1] = counts.fetched > 0 and ("fetched %d"):format(counts.fetched) or nil
  parts[#parts + 1] = counts.failed > 0 and ("failed %d"):format(counts.failed) or nil
  out[#out + 1] = ("%s, in %s"):format(table.concat(parts, ", "), report.time(seconds))
  out[#out + 1] = workers(run.away)
  if #self.took > 0 then
    for index, one in ipairs(slowest(self)) do
      local first = index == 1 and "slowest: " or "         "
      out[#out + 1] = ("%s%-28s %s"):format(first, one.id, report.time(one.seconds))
    end
    local all, largest = sizes(self, space)
    out[#out + 1] = ("outputs: %s"):format(report.size(all))
      .. (largest and ("; the largest: %s, %s"):format(largest.id, report.size(largest.bytes)) or "")
  end
  if #run.failures > 0 then
    tables.append(out, failures(run.failures))
  else
    out[#out + 1] = ("log of a step: `bq scripts/log.lua STEP%s`"):format(space:option())
  end
  if #run.failures > 0 or run.display.why_stopping then
    -- What to do is said already, or by the error that follows.
    out[#out + 1] = line
    return out
  elseif done < #run.plan.steps then
    out[#out + 1] = "next: the same command goes on"
  elseif next then
    out[#out + 1] = ("next: `%s%s`"):format(next, space:option())
  end
  out[#out + 1] = line
  return out
end

--- The same for programs.
---@param run bq.Run
---@param seconds number
---@return table
function Summary:fields(run, seconds)
  local _, by_state = states(run)
  local slow = json.array {}
  for index, one in ipairs(slowest(self)) do
    slow[index] = { step = one.id, seconds = one.seconds, bytes = one.bytes }
  end
  return {
    steps = #run.plan.steps,
    states = by_state,
    built = self.counts.built,
    reused = self.counts.reused,
    fetched = self.counts.fetched,
    failed = self.counts.failed,
    workers = run.away and { built = run.away.counts.built, queued = run.away.counts.queued } or nil,
    seconds = math.floor(seconds * 1000) / 1000,
    bytes = (sizes(self, run.workspace)),
    slowest = slow,
    journal = run.workspace:shown(run.workspace:at "journal.jsonl"),
  }
end

return summary
