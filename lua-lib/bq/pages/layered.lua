-- Places the steps of a plan for a picture: a box for each phase, one below the other; in a box the steps from left to right, each
-- to the right of those that it names. After Sugiyama, Tagawa and Toda, "Methods for Visual Understanding of Hierarchical System
-- Structures" (1981), without the dummy nodes: edges are curves that may pass behind boxes.
local layered = {}

layered.HEIGHT = 22
local LETTER <const>, PADDING <const> = 6.7, 14
local GAP_X <const>, GAP_Y <const> = 46, 8
local MARGIN <const>, HEADER <const>, BETWEEN <const> = 16, 26, 26
local SWEEPS <const> = 4

---@class bq.pages.Place
---@field id string
---@field x number
---@field y number
---@field width number

---@class bq.pages.PhaseBox
---@field name string
---@field x number
---@field y number
---@field width number
---@field height number

---@class bq.pages.Layout
---@field places table<string, bq.pages.Place>
---@field phases bq.pages.PhaseBox[]
---@field width number
---@field height number

--- The rank of each step of a phase: one more than the highest of those of the phase that it names.
local function ranks(steps, inside)
  local rank, columns = {}, {}
  for _, step in ipairs(steps) do
    local highest = 0
    for _, needed in ipairs(step.depends) do
      highest = inside[needed] and math.max(highest, rank[needed]) or highest
    end
    rank[step.id] = highest + 1
    columns[highest + 1] = columns[highest + 1] or {}
    table.insert(columns[highest + 1], step.id)
  end
  return columns
end

--- Sorts each column by the middle of its neighbours in the columns before, then of those after, some times.
local function untangle(columns, below, above)
  local position = {}
  local function note(column)
    for index, id in ipairs(column) do
      position[id] = index / #column
    end
  end
  for _, column in ipairs(columns) do
    note(column)
  end
  local function sort(column, neighbours)
    local weight = {}
    for index, id in ipairs(column) do
      local sum, count = 0, 0
      for _, other in ipairs(neighbours[id] or {}) do
        if position[other] then
          sum, count = sum + position[other], count + 1
        end
      end
      weight[id] = { count > 0 and sum / count or position[id], index }
    end
    table.sort(column, function(a, b)
      if weight[a][1] ~= weight[b][1] then
        return weight[a][1] < weight[b][1]
      end
      return weight[a][2] < weight[b][2]
    end)
    note(column)
  end
  for _ = 1, SWEEPS do
    for index = 2, #columns do
      sort(columns[index], below)
    end
    for index = #columns - 1, 1, -1 do
      sort(columns[index], above)
    end
  end
end

--- Splits columns that are too high.
local function split(columns, most)
  local out = {}
  for _, column in ipairs(columns) do
    local parts = math.max(1, math.ceil(#column / most))
    local rows = math.ceil(#column / parts)
    for first = 1, #column, rows do
      out[#out + 1] = { table.unpack(column, first, math.min(first + rows - 1, #column)) }
    end
  end
  return out
end

--- Places the steps of one phase. Returns its width and height.
local function place(columns, by_id, places, top)
  local x, height, rows = MARGIN, 0, 0
  for _, column in ipairs(columns) do
    rows = math.max(rows, #column)
  end
  for _, column in ipairs(columns) do
    local width = 0
    for _, id in ipairs(column) do
      width = math.max(width, #by_id[id].name * LETTER + PADDING)
    end
    local shift = (rows - #column) * (layered.HEIGHT + GAP_Y) / 2
    for index, id in ipairs(column) do
      local y = HEADER + MARGIN / 2 + shift + (index - 1) * (layered.HEIGHT + GAP_Y)
      places[id] = { id = id, x = x, y = top + y, width = width }
      height = math.max(height, y + layered.HEIGHT + MARGIN)
    end
    x = x + width + GAP_X
  end
  return x - GAP_X + MARGIN, height
end

--- Places all steps of a plan.
---@param plan table
---@return bq.pages.Layout
function layered.of(plan)
  local by_phase, by_id, below, above = {}, {}, {}, {}
  for _, step in ipairs(plan.steps) do
    by_id[step.id] = step
    by_phase[step.phase] = by_phase[step.phase] or {}
    table.insert(by_phase[step.phase], step)
    below[step.id] = step.depends
    for _, needed in ipairs(step.depends) do
      above[needed] = above[needed] or {}
      table.insert(above[needed], step.id)
    end
  end
  local out = { places = {}, phases = {}, width = 0, height = 0 }
  for _, name in ipairs(plan.phase_order) do
    local steps, inside = by_phase[name], {}
    for _, step in ipairs(steps or {}) do
      inside[step.id] = true
    end
    if steps then
      local columns = ranks(steps, inside)
      untangle(columns, below, above)
      columns = split(columns, math.max(3, math.ceil(1.2 * math.sqrt(#steps))))
      local width, height = place(columns, by_id, out.places, out.height)
      out.phases[#out.phases + 1] = { name = name, x = 0, y = out.height, width = width, height = height }
      out.width = math.max(out.width, width)
      out.height = out.height + height + BETWEEN
    end
  end
  out.height = math.max(0, out.height - BETWEEN)
  for _, box in ipairs(out.phases) do
    box.width = out.width
  end
  return out
end

return layered
