-- The dependencies between the steps of a plan: those that recipes name, and those by the base of a phase.
--
-- A step of a phase is built on all steps of the phase's base, but for those with `in_base = false`. So phases are nodes
-- of the graph too: a plan of thousands of steps has few edges.
local graph = {}

---@class bq.Graph
---@field plan table
---@field package by_id table<string, table> steps
---@field package dependents_of table<string, string[]> ids of steps, by the step that they name in `depends`
---@field package built_on table<string, string[]> ids of steps, by the phase in their base
local Graph = {}
Graph.__index = Graph

---@param plan table
---@return bq.Graph
function graph.new(plan)
  local self = setmetatable({ plan = plan, by_id = {}, dependents_of = {}, built_on = {} }, Graph)
  local function add(map, name, id)
    map[name] = map[name] or {}
    table.insert(map[name], id)
  end
  for _, step in ipairs(plan.steps) do
    self.by_id[step.id] = step
    for _, needed in ipairs(step.depends) do
      add(self.dependents_of, needed, step.id)
    end
    for _, name in ipairs(plan.phases[step.phase].base) do
      if name ~= "seed" then
        add(self.built_on, name, step.id)
      end
    end
  end
  return self
end

--- The steps that are built from these, directly or not, as a set without themselves.
---@param ids string[]
---@return table<string, true>
function Graph:dependents(ids)
  local found, phases, queue, index = {}, {}, { table.unpack(ids) }, 1
  local function add(list)
    for _, id in ipairs(list or {}) do
      if not found[id] then
        found[id] = true
        queue[#queue + 1] = id
      end
    end
  end
  while queue[index] do
    local id = queue[index]
    local phase = self.by_id[id].phase
    index = index + 1
    add(self.dependents_of[id])
    if not phases[phase] and self.by_id[id].in_base ~= false then
      phases[phase] = true
      add(self.built_on[phase])
    end
  end
  for _, id in ipairs(ids) do
    found[id] = nil
  end
  return found
end

---@class bq.Link one link of a chain of dependencies
---@field id string a step
---@field phase? string the step before is built on this phase, of which this step is; absent if it names this step

--- A shortest chain of dependencies from a step down to another one; `nil` if there is none.
---@param from string
---@param to string
---@return bq.Link[]? chain without `from`; the last link is `to`
function Graph:path(from, to)
  local phases, came, queue, index = {}, {}, { from }, 1
  local function add(id, link)
    if id ~= from and not came[id] then
      came[id] = link
      queue[#queue + 1] = id
    end
  end
  while queue[index] and not came[to] do
    local id = queue[index]
    local step = self.by_id[id]
    index = index + 1
    for _, needed in ipairs(step.depends) do
      add(needed, { before = id })
    end
    for _, name in ipairs(self.plan.phases[step.phase].base) do
      if not phases[name] then
        phases[name] = true
        for _, other in ipairs(self.plan.steps) do
          if other.phase == name and other.in_base ~= false then
            add(other.id, { before = id, phase = name })
          end
        end
      end
    end
  end
  if not came[to] then
    return nil
  end
  local chain, id = {}, to
  while id ~= from do
    table.insert(chain, 1, { id = id, phase = came[id].phase })
    id = came[id].before
  end
  return chain
end

--- The chain of dependencies, among some steps, that takes the most time: however many are built at once, they take as long.
---@param ids table<string, true> a set
---@param seconds table<string, number> by id; absent ones count as 0
---@return string[] chain the lowest first; steps that are not in the set are left out
---@return number seconds
function Graph:longest_chain(ids, seconds)
  local ends, of_phase, before, last, longest = {}, {}, {}, nil, 0 ---@type table, table, table<string, string>, string?, number
  local function ends_at(id)
    return id and ends[id] or 0
  end
  -- Steps are in the order in which they can be built.
  for _, step in ipairs(self.plan.steps) do
    local after ---@type string?
    for _, needed in ipairs(step.depends) do
      after = ends_at(needed) > ends_at(after) and needed or after
    end
    for _, name in ipairs(self.plan.phases[step.phase].base) do
      after = ends_at(of_phase[name]) > ends_at(after) and of_phase[name] or after
    end
    before[step.id] = after
    ends[step.id] = ends_at(after) + (ids[step.id] and seconds[step.id] or 0)
    if step.in_base ~= false and ends[step.id] > ends_at(of_phase[step.phase]) then
      of_phase[step.phase] = step.id
    end
    if ends[step.id] > longest then
      last, longest = step.id, ends[step.id]
    end
  end
  local chain = {}
  while last do
    if ids[last] then
      table.insert(chain, 1, last)
    end
    last = before[last]
  end
  return chain, longest
end

--- The time that some steps take at least, however many are built at once: that of their longest chain.
---@param ids table<string, true> a set
---@param seconds table<string, number> by id; absent ones count as 0
---@return number
function Graph:longest(ids, seconds)
  local _, longest = self:longest_chain(ids, seconds)
  return longest
end

--- The steps that name a step in `depends`.
---@param id string
---@return string[] ids
function Graph:named_by(id)
  return self.dependents_of[id] or {}
end

--- The steps that a step's root shows besides its base: its dependencies and all of theirs, in plan order.
---@param by_id table<string, table>
---@param step table
---@return string[] ids
function graph.closure(by_id, step)
  local seen, out = {}, {}
  local function add(id)
    if not seen[id] then
      seen[id] = true
      for _, next_id in ipairs(by_id[id].depends) do
        add(next_id)
      end
      out[#out + 1] = id
    end
  end
  for _, id in ipairs(step.depends) do
    add(id)
  end
  return out
end

return graph
