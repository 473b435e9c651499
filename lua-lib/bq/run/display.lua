-- What a run shows: a line for each step that starts or ends, a view that goes on below them on a terminal, and a summary.
-- Elsewhere the lines have the time since the begin, and one comes at least every minute. Programs get events (`bq.events`).
local args = require "bq.args"
local events = require "bq.events"
local failure = require "bq.run.failure"
local json = require "bq.json"
local live = require "bq.run.live"
local log = require "bq.log"
local process = require "bq.process"
local progress = require "bq.progress"
local report = require "bq.report"
local summary = require "bq.run.summary"
local view = require "bq.run.view"
local visible = require "bq.visible"

local display = {}

-- Seconds between two drawings, two events, and two lines where there is no terminal.
local DRAW <const>, EVENT <const>, HEARTBEAT <const> = 0.25, 5, 60

---@class bq.Display
---@field pause number seconds after which time is to be told again, see `tick`
---@field package clock fun(): number seconds
---@field package draws boolean whether the view can be drawn
---@field package next? string the command that is next when all is built
---@field package began number
---@field package drawn number when the view was drawn last
---@field package said number when a line was said last
---@field package told? number when the last event about the whole was said
---@field package total integer steps that waited at the begin
---@field package live bq.Live
---@field package summary bq.Summary
---@field why_stopping? string a signal ends the run
---@field package said_copied? boolean
local Display = {}
Display.__index = Display

---@param options? { clock?: (fun(): number), draws?: boolean, next?: string }
---@return bq.Display
function display.new(options)
  options = options or {}
  local self =
    setmetatable({ clock = options.clock or process.clock, draws = options.draws, next = options.next }, Display)
  if self.draws == nil then
    self.draws = progress.is_live()
  end
  self.pause = self.draws and 2 * DRAW or 1
  self.began, self.drawn, self.said = self.clock(), -DRAW, self.clock()
  return self
end

--- A line of the run. Without a terminal it begins with the time since the begin.
local function say(self, text)
  self.said = self.clock()
  if not self.draws then
    local seconds = math.floor(self.said - self.began)
    text = ("%d:%02d:%02d %s"):format(seconds // 3600, seconds // 60 % 60, seconds % 60, text)
  end
  log.info(text)
end

--- A word with a colour, where colours are wanted.
local function paint(color, word)
  return log.terminal().color and ("\27[%sm%s\27[0m"):format(color, word) or word
end

--- A run begins.
---@param run bq.Run
---@param before table<string, number> what steps took before, in seconds, by id
function Display:begin(run, before)
  local state, waiting = run.state, 0
  for _, one in pairs(state.states) do
    waiting = waiting + (one == "waiting" and 1 or 0)
  end
  self.began, self.total = self.clock(), waiting
  self.live = live.new(run, before, self.clock)
  self.summary = summary.new()
  log.info(("building %d of %d steps for %s, %d jobs"):format(waiting, #state.plan.steps, state.plan.arch, run.jobs))
  events.say("progress", { done = 0, total = waiting, jobs = run.jobs })
end

---@param step table
---@param why string
---@param path string of the step's log
---@param is_away boolean on a worker
function Display:started(step, why, path, is_away)
  local place = is_away and ", on a worker" or ""
  say(self, ("  %s  %s %s%s: %s"):format(paint("36", "start"), step.id, step.version, place, why))
  self.live:started(step.id, path)
  events.say("start", { step = step.id, version = step.version, reason = json.text(why), away = is_away or nil })
end

--- A step came back from a worker without a result. Why was said.
---@param step table
function Display:returned(step)
  self.live:ended(step.id)
  events.say("end", { step = step.id, ok = false, again = true })
end

--- Says once that the roots of steps are copies, not overlays.
function Display:copied()
  if not self.said_copied then
    self.said_copied = true
    log.warn "this kernel or file system refuses overlays: the steps' roots are made by copying, which takes time and room"
  end
end

---@param step table
---@param meta bq.Meta
function Display:done(step, meta)
  self.live:ended(step.id, true)
  self.summary:built(step.id, meta)
  say(
    self,
    ("  %s   %s in %s, output %s  [%d/%d]"):format(
      paint("32", "done"),
      step.id,
      report.time(meta.seconds),
      meta.output:sub(1, 16),
      self.summary:count(),
      self.total
    )
  )
  events.say("end", { step = step.id, ok = true, output = meta.output, seconds = meta.seconds })
end

---@param step table
---@param place? string the store or cache that has it, if it is not here
function Display:reused(step, place)
  self.summary:reused()
  say(
    self,
    place and ("  %s  %s in %s"):format(paint("32", "found"), step.id, place)
      or ("  %s %s: its inputs are unchanged"):format(paint("32", "reused"), step.id)
  )
  events.say("end", { step = step.id, ok = true, reused = true, place = place })
end

--- An output is here now.
---@param id string of the step
---@param place string where it came from
function Display:fetched(id, place)
  self.summary:fetched()
  say(self, ("  %s %s from %s"):format(paint("32", "fetched"), id, place))
  events.say("end", { activity = "fetch " .. id, place = place })
end

--- An output was known to be elsewhere, and cannot be had.
---@param id string of the step
function Display:lost(id)
  self.summary:lost()
  say(self, ("  lost   %s: no store or cache has its output any more, so it is built"):format(id))
end

--- A damaged output is removed.
---@param one bq.Damage
function Display:damaged(one)
  log.warn(("the output of %s in the store is damaged, and is built again: %s"):format(one.step or one.key, one.why))
end

--- The outputs that were built from damaged ones and are removed with them.
---@param built bq.Meta[]
function Display:removed(built)
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
function Display:discarded(step)
  self.live:ended(step.id)
  log.warn(("%s was built from a damaged output, and is built again"):format(step.id))
  events.say("end", { step = step.id, ok = false, again = true })
end

--- A step is not built, nor was it tried.
---@param why string
---@param by? string the step because of which
function Display:unbuilt(step, why, by)
  log.warn(("%s is left out, because %s"):format(step.id, why))
  events.say("failure", { step = step.id, message = "left out, because " .. why, blocked_by = by })
end

--- A step is not built because of another one, which is in this state.
function Display:blocked(step, by, state)
  self:unbuilt(step, by .. (state == "failed" and " failed" or " is left out"), by)
end

function Display:failed(step, details)
  self.live:ended(step.id)
  self.summary:failed()
  log.error(("%s failed after %s"):format(step.id, report.time(details.seconds or 0)))
  local again = failure.said_again(details.excerpt, details.lines)
  for number, part in ipairs(details.excerpt) do
    local count = #part.lines - (number == #details.excerpt and again or 0)
    if part.first > 1 and count > 0 then
      log.raw(("  | … line %d:"):format(part.first))
    end
    for index = 1, count do
      log.raw("  | " .. visible(part.lines[index]))
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
  log.raw(
    details.shell and "hint: look into it: `" .. details.shell .. "`"
      or "hint: its build tree is gone with the worker; the same command with `--remote-tree` brings it"
  )
  events.say("failure", {
    step = step.id,
    message = json.text(details.lines[1] or ""),
    log = details.log,
    seconds = details.seconds,
  })
  events.say("end", { step = step.id, ok = false, seconds = details.seconds })
end

--- A signal ends the run.
---@param signal string
function Display:stopping(signal)
  local count = self.live:count()
  self.why_stopping = ("stopping by %s"):format(signal == "INT" and "Ctrl-C" or "signal " .. signal)
  log.warn(
    ("%s: ending %d running %s; what is done is kept"):format(
      self.why_stopping,
      count,
      count == 1 and "step and its programs" or "steps and their programs"
    )
  )
  self.drawn = -DRAW
  self:tick()
end

--- What is shown now.
---@return bq.View
local function shown(self)
  local one = self.live:shown() --[[@as bq.View]]
  one.done, one.total, one.failed = self.summary:count(), self.total, self.summary.counts.failed
  one.stopping = self.why_stopping or one.stopping
  return one
end

--- A line about what goes on, where nothing is drawn.
local function heartbeat(self)
  local one, names = shown(self), {}
  local left = view.left(one)
  for index, running in ipairs(one.running) do
    names[index] = ("%s (%s, %s)"):format(running.id, running.verb, report.time(running.seconds))
  end
  names[1] = names[1] or one.removing and "removing build trees" or nil
  say(
    self,
    ("  still  %s  [%d/%d]%s"):format(table.concat(names, ", "), one.done, one.total, left and ", " .. left or "")
  )
end

--- Says how far the whole is, for programs.
local function tell(self)
  local one, running = shown(self), json.array {}
  for index, step in ipairs(one.running) do
    running[index] = { step = step.id, verb = step.verb, seconds = math.floor(step.seconds * 10) / 10 }
  end
  events.say("progress", {
    done = one.done,
    total = one.total,
    left = one.left and math.floor(one.left),
    used = one.used,
    jobs = one.jobs,
    free = one.free,
    running = running,
  })
end

--- Time has passed: shows what goes on. It may be called often.
function Display:tick()
  local now = self.clock()
  if now - self.drawn < DRAW then
    return
  end
  self.drawn = now
  if self.draws then
    progress.show(view.lines(shown(self), log.terminal()))
  elseif now - self.said >= HEARTBEAT then
    heartbeat(self)
  end
  if events.is_on and now - (self.told or -EVENT) >= EVENT then
    self.told = now
    tell(self)
  end
end

--- A run is over.
---@param run bq.Run
function Display:finish(run)
  if self.draws then
    progress.show {}
  end
  local seconds = self.clock() - self.began
  for _, line in ipairs(self.summary:lines(run, seconds, self.next)) do
    log.info(line)
  end
  events.say("summary", self.summary:fields(run, seconds))
end

return display
