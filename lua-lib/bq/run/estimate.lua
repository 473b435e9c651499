-- How long the rest of a run takes: the steps that are left are laid out as the coordinator would start them, by what they
-- took before. What the steps of this run took, compared with before, makes it better as it goes.
--
--   local left = estimate.new(plan, states, before, jobs)
--   left:ended("system/zlib", 14)
--   print(left:seconds(states, { ["system/curl"] = 3 }))
local estimate = {}

-- How much of all expected work counts as work that went as expected: the first small steps say little of the others.
local PRIOR <const> = 0.1
-- The least that a running step still takes, as a part of the time for which it runs: it may take longer than before.
local REST <const> = 0.1

---@class bq.Estimate
---@field expected table<string, number> seconds by step id
---@field is_known boolean whether anything is known of how long steps take
---@field package guessed table<string, true> ids of steps whose package was never built
---@field jobs integer
---@field package plan table
---@field package dependents table<string, string[]> ids of steps, and phases as `phase:NAME`, by what they wait for
---@field package needs table<string, integer> how many of them each waits for
---@field package was number what the steps that ended in this run took before, in seconds
---@field package is_now number what they took in this run
---@field package all number the expected work of the run, in seconds
local Estimate = {}
Estimate.__index = Estimate

local function name_of(id)
  return id:match "/(.*)$" or id
end

local function median(values)
  table.sort(values)
  return values[(#values + 1) // 2]
end

--- What each step is expected to take: what it took before, else what its package took in another phase, else what half
--- of the known steps took at most.
---@return table<string, number> seconds by step id
---@return table<string, true> guessed ids of those that stand for nothing that was seen
---@return boolean is_known
local function expectations(plan, before)
  local by_name, values, out, guessed = {}, {}, {}, {}
  for id, seconds in pairs(before) do
    by_name[name_of(id)] = math.max(by_name[name_of(id)] or 0, seconds)
    values[#values + 1] = seconds
  end
  local usual = median(values)
  for _, step in ipairs(plan.steps) do
    local seen = before[step.id] or by_name[name_of(step.id)]
    out[step.id], guessed[step.id] = seen or usual or 0, not seen or nil
  end
  return out, guessed, usual ~= nil
end

--- The node of a phase's base for a step that later phases see.
local function node_of(phase)
  return "phase:" .. phase
end

---@param plan table
---@param states table<string, string> of steps, by id
---@param before table<string, number> seconds that steps took before, by id
---@param jobs integer how many steps run at once
---@return bq.Estimate
function estimate.new(plan, states, before, jobs)
  local self =
    setmetatable({ plan = plan, jobs = jobs, dependents = {}, needs = {}, was = 0, is_now = 0, all = 0 }, Estimate)
  self.expected, self.guessed, self.is_known = expectations(plan, before)
  local function wait(id, needed)
    self.dependents[needed] = self.dependents[needed] or {}
    table.insert(self.dependents[needed], id)
    self.needs[id] = (self.needs[id] or 0) + 1
  end
  for _, step in ipairs(plan.steps) do
    self.needs[step.id] = self.needs[step.id] or 0
    for _, needed in ipairs(step.depends) do
      wait(step.id, needed)
    end
    for _, base in ipairs(plan.phases[step.phase].base) do
      if base ~= "seed" then
        wait(step.id, node_of(base))
      end
    end
    if step.in_base ~= false then
      wait(node_of(step.phase), step.id)
    end
    self.all = self.all + (states[step.id] == "waiting" and self.expected[step.id] or 0)
  end
  -- Nobody waits for a phase that has no steps.
  for _, phase in ipairs(plan.phase_order) do
    local node = node_of(phase)
    for _, id in ipairs(not self.needs[node] and self.dependents[node] or {}) do
      self.needs[id] = self.needs[id] - 1
    end
  end
  return self
end

--- A step of this run is done.
---@param id string
---@param seconds number
function Estimate:ended(id, seconds)
  if self.is_known then
    self.was, self.is_now = self.was + self.expected[id], self.is_now + seconds
  else
    -- Nothing is known but this run.
    self.was, self.is_now = self.was + 1, self.is_now + seconds
  end
end

--- How much longer steps take in this run than before. A step that runs for longer than it took counts already.
---@param running table<string, number>
---@return number?
local function factor(self, running)
  local prior = self.is_known and math.max(1, self.all * PRIOR) or 0
  local was, is_now = self.was + prior, self.is_now + prior
  for id, seconds in pairs(self.is_known and running or {}) do
    if seconds > self.expected[id] and seconds * was > self.expected[id] * is_now then
      was, is_now = was + self.expected[id], is_now + seconds
    end
  end
  return was > 0 and is_now / was or nil
end

--- The part of the work that is done, 0 to 1; by steps if nothing is known of their seconds.
---@param states table<string, string>
---@param running table<string, number> for how long steps run, by id
---@return number
function Estimate:part(states, running)
  local left, all = 0, 0
  local scale = factor(self, running) or 1
  for _, step in ipairs(self.plan.steps) do
    local weight = self.is_known and math.max(self.expected[step.id], 0.01) or 1
    all = all + weight
    if states[step.id] ~= "done" then
      local done = running[step.id] and self.is_known and running[step.id] / scale or 0
      left = left + math.max(weight - done, weight * REST)
    end
  end
  return all > 0 and 1 - left / all or 1
end

--- Whether the rest may take much longer than `seconds` says: how long one of the steps that are left takes was never seen.
---@param states table<string, string> of steps, by id
---@return boolean
function Estimate:is_least(states)
  for id in pairs(self.guessed) do
    if states[id] == "waiting" or states[id] == "running" then
      return true
    end
  end
  return false
end

--- The seconds until the run is over; `nil` if nothing is known.
---@param states table<string, string> of steps, by id
---@param running table<string, number> for how long steps run, by id
---@return number?
function Estimate:seconds(states, running)
  local scale = factor(self, running)
  if not scale then
    return nil
  end
  local now, first = 0, 1
  local needs = {} ---@type table<string, integer>
  local ready = {} ---@type string[]
  local slots = {} ---@type { id: string, at: number }[]
  for id, count in pairs(self.needs) do
    needs[id] = count
  end
  local function finish(id)
    for _, next_id in ipairs(self.dependents[id] or {}) do
      needs[next_id] = needs[next_id] - 1
      if needs[next_id] == 0 then
        if self.expected[next_id] then
          if states[next_id] == "waiting" then
            ready[#ready + 1] = next_id
          end
        else
          finish(next_id)
        end
      end
    end
  end
  for _, step in ipairs(self.plan.steps) do
    if states[step.id] == "waiting" and needs[step.id] == 0 then
      ready[#ready + 1] = step.id
    end
  end
  for _, step in ipairs(self.plan.steps) do
    if states[step.id] == "done" then
      finish(step.id)
    elseif running[step.id] then
      local all, since = (self.is_known and self.expected[step.id] or 1) * scale, running[step.id]
      slots[#slots + 1] = { id = step.id, at = math.max(all - since, since * REST) }
    end
  end
  while true do
    while ready[first] and #slots < self.jobs do
      local id = ready[first]
      first = first + 1
      slots[#slots + 1] = { id = id, at = now + (self.is_known and self.expected[id] or 1) * scale }
    end
    local soonest ---@type integer?
    for index, slot in ipairs(slots) do
      soonest = (not soonest or slot.at < slots[soonest].at) and index or soonest
    end
    if not soonest then
      return now
    end
    local slot = table.remove(slots, soonest)
    now = math.max(now, slot.at)
    finish(slot.id)
  end
end

return estimate
