-- What goes on in a run, for whoever shows it: the running steps with their logs, what waits, and the estimate.
local estimate = require "bq.run.estimate"
local follow = require "bq.run.follow"
local fs = require "bq.fs"
local graph = require "bq.plan.graph"
local report = require "bq.report"

local live = {}

-- Seconds between two looks at the whole.
local LOOK <const> = 1
-- The part of the time that looking at the whole may take: in a plan of thousands of steps it is done less often.
local COST <const> = 0.01
-- How many waiting steps are named.
local NEXT <const> = 3
-- A step that runs for less than this is not worth to count what waits for it, in seconds.
local LONG <const> = 5

---@class bq.Live
---@field package run bq.Run
---@field package clock fun(): number
---@field package estimate bq.Estimate
---@field package graph? bq.Graph
---@field package running table<string, { since: number, log: bq.Follow, behind?: integer }> by step id
---@field package looked? number when the whole was looked at last
---@field package pause number seconds to the next look if nothing happens
---@field package cost number seconds that the last look took
---@field package is_stale boolean whether a step has started or ended since
---@field package whole { left?: number, is_least: boolean, part: number, free: integer, waiting: table[], others: integer }
local Live = {}
Live.__index = Live

---@param run bq.Run
---@param before table<string, number> what steps took before, in seconds, by id
---@param clock fun(): number
---@return bq.Live
function live.new(run, before, clock)
  local state = run.state
  return setmetatable({
    run = run,
    clock = clock,
    estimate = estimate.new(state.plan, state.states, before, run.jobs),
    running = {},
    pause = LOOK,
    cost = 0,
    is_stale = true,
  }, Live)
end

---@param id string
---@param path string of the step's log
function Live:started(id, path)
  self.running[id] = { since = self.clock(), log = follow.new(path) }
  self.is_stale = true
end

---@param id string
---@param is_done? boolean
function Live:ended(id, is_done)
  local one = self.running[id]
  if one and is_done then
    -- As the journal counts: with the beginning and the end of the step's process.
    self.estimate:ended(id, self.clock() - one.since)
  end
  self.running[id], self.is_stale = nil, true
end

--- How many steps run.
---@return integer
function Live:count()
  local count = 0
  for _ in pairs(self.running) do
    count = count + 1
  end
  return count
end

--- What a step still waits for: steps, and phases of its base.
local function lacks(state, step)
  local out = {}
  for _, id in ipairs(step.depends) do
    out[#out + 1] = state.states[id] ~= "done" and id or nil
  end
  for _, name in ipairs(state.plan.phases[step.phase].base) do
    local count = state:left_of(name)
    out[#out + 1] = count > 0 and ("%s of %s"):format(report.count(count, "step"), name) or nil
  end
  return out
end

--- The waiting steps that come first in the plan, and how many more wait.
local function waiting(state)
  local out, others = {}, 0
  for _, step in ipairs(state.plan.steps) do
    if state.states[step.id] == "waiting" then
      if #out < NEXT then
        local needs = lacks(state, step)
        out[#out + 1] = { id = step.id, needs = #needs > 0 and needs or { "a free job" } }
      else
        others = others + 1
      end
    end
  end
  return out, others
end

local function look(self, now)
  local state, elapsed = self.run.state, {}
  for id, one in pairs(self.running) do
    elapsed[id] = now - one.since
  end
  local named, others = waiting(state)
  self.whole = {
    left = self.estimate:seconds(state.states, elapsed),
    is_least = self.estimate:is_least(state.states),
    part = self.estimate:part(state.states, elapsed),
    free = fs.space(self.run.workspace.path).free,
    waiting = named,
    others = others,
  }
  for id, one in pairs(self.running) do
    if not one.behind and elapsed[id] > LONG then
      self.graph = self.graph or graph.new(state.plan)
      one.behind = 0
      for other in pairs(self.graph:dependents { id }) do
        one.behind = one.behind + (state.states[other] == "waiting" and 1 or 0)
      end
    end
  end
  self.looked, self.is_stale, self.cost = now, false, self.clock() - now
  self.pause = math.max(LOOK, self.cost / COST)
end

--- What goes on now, without what only a summary knows.
---@return table
function Live:shown()
  local now, running = self.clock(), {}
  local pause = self.is_stale and self.cost / COST or self.pause
  if not self.looked or now - self.looked >= pause then
    look(self, now)
  end
  for id, one in pairs(self.running) do
    one.log:look()
    running[#running + 1] =
      { id = id, verb = one.log.verb, seconds = now - one.since, line = one.log.line, behind = one.behind or 0 }
  end
  table.sort(running, function(a, b)
    return a.seconds > b.seconds or a.seconds == b.seconds and a.id < b.id
  end)
  local run, whole = self.run, self.whole
  return {
    part = whole.part,
    left = whole.left and math.max(whole.left - (now - self.looked), 0),
    is_least = whole.is_least,
    used = run.slots:used(),
    jobs = run.jobs,
    free = whole.free,
    running = running,
    waiting = whole.waiting,
    others = whole.others,
    removing = run.trees:busy(),
    stopping = run.stopping and "one failed: no step is started any more" or nil,
  }
end

return live
