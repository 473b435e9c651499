-- The display of a build: a line for each step that starts or ends, progress bars on a terminal, a summary.
local args = require "bq.args"
local log = require "bq.log"
local progress = require "bq.progress"
local visible = require "bq.visible"

---@class bq.Report
---@field bars table<string, bq.progress.Bar> of running steps, by id
---@field logs table<string, string> paths, by id
---@field built integer
---@field reused_count integer
---@field total? integer steps that wait when a run begins
local Report = {}
Report.__index = Report

local report = {}

---@return bq.Report
function report.new()
  return setmetatable({ bars = {}, logs = {}, built = 0, reused_count = 0 }, Report)
end

--- Seconds for people: `0.4 s`, `12 s`, `3 min 20 s`.
---@param seconds number
---@return string
function report.time(seconds)
  if seconds < 10 then
    return ("%.1f s"):format(seconds)
  elseif seconds < 100 then
    return ("%.0f s"):format(seconds)
  end
  local whole = math.floor(seconds)
  return ("%d min %d s"):format(whole // 60, whole % 60)
end

--- Bytes for people.
---@param bytes number
---@return string
function report.size(bytes)
  local units, index = { "B", "KB", "MB", "GB" }, 1
  while bytes >= 1000 and index < #units do
    bytes, index = bytes / 1000, index + 1
  end
  return (index == 1 and "%d %s" or "%.1f %s"):format(bytes, units[index])
end

--- A run begins.
---@param state bq.State
---@param jobs integer
function Report:begin(state, jobs)
  self.total = 0
  for _, one in pairs(state.states) do
    self.total = self.total + (one == "waiting" and 1 or 0)
  end
  log.info(("building %d of %d steps for %s, %d jobs"):format(self.total, #state.plan.steps, state.plan.arch, jobs))
end

---@param step table
---@param why string
---@param path string of the step's log
function Report:started(step, why, path)
  log.info(("  start  %s %s: %s"):format(step.id, step.version, why))
  self.bars[step.id] = progress.bar { label = step.id }
  self.logs[step.id] = path
end

local function take_bar(self, step)
  local bar = self.bars[step.id]
  if bar then
    bar:finish()
    self.bars[step.id] = nil
  end
end

--- Says once that the roots of steps are copies, not overlays.
function Report:copied()
  if not self.said_copied then
    self.said_copied = true
    log.warn "this kernel or file system refuses overlays: the steps' roots are made by copying, which takes time and room"
  end
end

function Report:done(step, meta)
  take_bar(self, step)
  self.built = self.built + 1
  log.info(
    ("  done   %s in %s, output %s  [%d/%d]"):format(
      step.id,
      report.time(meta.seconds),
      meta.output:sub(1, 16),
      self.built + self.reused_count,
      self.total
    )
  )
end

---@param place? string the store or cache that has it, if it is not here
function Report:reused(step, place)
  self.reused_count = self.reused_count + 1
  log.info(
    place and ("  found  %s in %s"):format(step.id, place) or ("  reused %s: its inputs are unchanged"):format(step.id)
  )
end

--- An output is here now.
---@param id string of the step
---@param place string where it came from
function Report:fetched(id, place)
  log.info(("  fetched %s from %s"):format(id, place))
end

--- An output was known to be elsewhere, and cannot be had.
---@param id string of the step
function Report:lost(id)
  self.reused_count = math.max(0, self.reused_count - 1)
  log.info(("  lost   %s: no store or cache has its output any more, so it is built"):format(id))
end

--- A damaged output is removed.
---@param one bq.Damage
function Report:damaged(one)
  log.warn(("the output of %s in the store is damaged, and is built again: %s"):format(one.step or one.key, one.why))
end

--- The outputs that were built from damaged ones and are removed with them.
---@param built bq.Meta[]
function Report:removed(built)
  local names = {}
  for index, meta in ipairs(built) do
    names[index] = meta.step
  end
  if #names > 0 then
    table.sort(names)
    log.warn(("what was built from it goes too: %s"):format(table.concat(names, ", ")))
  end
end

--- A step that was built from a damaged output has ended.
function Report:discarded(step)
  take_bar(self, step)
  log.warn(("%s was built from a damaged output, and is built again"):format(step.id))
end

function Report:blocked(step, by)
  log.warn(("%s is left out, because %s failed"):format(step.id, by))
end

function Report:failed(step, details)
  take_bar(self, step)
  log.error(("%s failed after %s"):format(step.id, report.time(details.seconds or 0)))
  for _, part in ipairs(details.excerpt) do
    if part.first > 1 then
      log.raw(("  | … line %d:"):format(part.first))
    end
    for _, line in ipairs(part.lines) do
      log.raw("  | " .. visible(line))
    end
  end
  for index, line in ipairs(details.lines) do
    log.raw(visible(index == 1 and line:gsub("^error: ", "caused by: ") or line))
  end
  if details.command then
    local words = {}
    for index, word in ipairs(details.command.argv) do
      words[index] = args.quote(word)
    end
    log.raw("command: " .. visible(table.concat(words, " ")))
    log.raw("folder: " .. visible(details.command.cwd))
  end
  log.raw("log: " .. details.log)
  log.raw("hint: look into it: `" .. details.shell .. "`")
end

--- The last complete line of a log, from its last bytes.
local function last_line(path)
  local file <close> = io.open(path, "rb")
  if not file then
    return ""
  end
  local size = file:seek "end"
  file:seek("set", math.max(0, size - 400))
  local text = file:read "a"
  return visible((text:match "([^\n]+)\n[^\n]*$" or ""):gsub("\t", " "))
end

--- Shows the last line of each running step's log.
function Report:tick()
  for id, bar in pairs(self.bars) do
    bar:message(last_line(self.logs[id]))
  end
end

--- A run is over.
---@param state bq.State
function Report:finish(state)
  for id in pairs(self.bars) do
    take_bar(self, state.by_id[id])
  end
  local counts = {}
  for _, one in pairs(state.states) do
    counts[one] = (counts[one] or 0) + 1
  end
  local parts = {}
  for _, name in ipairs { "done", "failed", "blocked", "waiting", "running" } do
    if counts[name] then
      parts[#parts + 1] = ("%d %s"):format(counts[name], name)
    end
  end
  log.info(("%d steps: %s"):format(#state.plan.steps, table.concat(parts, ", ")))
end

return report
