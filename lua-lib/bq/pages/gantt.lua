-- When each step of a run was built, as SVG: a row for each that runs at once, the critical path, and where less was built at once
-- than could have been.
local html = require "bq.html"
local report = require "bq.report"

local gantt = {}

local WIDTH <const>, ROW <const>, TOP <const> = 1320, 26, 22
local LETTER <const> = 6.4
local STEPS <const> = { 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400 }

-- The journal has whole seconds: by so much a step may seem to begin before another one ended.
local APART <const> = 1

--- Rows, so that no two steps of a row overlap.
local function rows_of(steps)
  local ends, out = {}, {}
  for _, one in ipairs(steps) do
    local row = 1
    while ends[row] and ends[row] > one.from + APART do
      row = row + 1
    end
    ends[row] = one.to
    out[one] = row
  end
  return out, #ends
end

--- How the jobs were used: the seconds of all steps together, and the part of the jobs' time that this is.
---@param run bq.pages.Run
---@return number begin
---@return number length of the run, in seconds
---@return number used of all jobs' time, 0 to 1
function gantt.use(run)
  local first, last, sum = math.huge, 0, 0
  for _, one in ipairs(run.steps) do
    first, last, sum = math.min(first, one.from), math.max(last, one.to), sum + one.to - one.from
  end
  local length = math.max(last - first, 0.001)
  return first, length, math.min(1, sum / (length * run.jobs))
end

local function clock(seconds)
  local whole = math.floor(seconds)
  if whole >= 3600 then
    return ("%d:%02d h"):format(whole // 3600, whole % 3600 // 60)
  elseif whole % 60 == 0 or whole < 60 then
    return whole >= 60 and ("%d min"):format(whole // 60) or ("%d s"):format(whole)
  end
  return ("%d:%02d min"):format(whole // 60, whole % 60)
end

--- The times at which steps begin or end, with how many are built from there on.
local function levels(steps)
  local events, out, count = {}, {}, 0
  for _, one in ipairs(steps) do
    events[#events + 1] = { one.from, 1 }
    events[#events + 1] = { one.to, -1 }
  end
  table.sort(events, function(a, b)
    if a[1] ~= b[1] then
      return a[1] < b[1]
    end
    return a[2] < b[2]
  end)
  for _, event in ipairs(events) do
    count = count + event[2]
    out[#out + 1] = { event[1], count }
  end
  return out
end

--- The picture.
---@param facts bq.pages.Facts
---@param run bq.pages.Run
---@param id string of the picture
---@return string svg
function gantt.svg(facts, run, id)
  local first, length = gantt.use(run)
  local row_of, rows = rows_of(run.steps)
  local scale = (WIDTH - 10) / length
  local below = TOP + rows * ROW + 8
  local height = below + 46
  local out = {
    ('<svg id="%s" class="pic" data-zoom viewBox="-4 0 %d %d" role="img" aria-label="when each step was built">\n'):format(
      id,
      WIDTH,
      height
    ),
  }
  local unit = STEPS[#STEPS]
  for index = #STEPS, 1, -1 do
    unit = length / STEPS[index] <= 14 and STEPS[index] or unit
  end
  for at = 0, length, unit do
    out[#out + 1] = ('<path class="gl" d="M%.1f %dV%d"/><text class="ax" x="%.1f" y="13">%s</text>\n'):format(
      at * scale,
      TOP - 4,
      height,
      at * scale + 3,
      clock(at)
    )
  end
  for _, one in ipairs(run.steps) do
    local x, width = (one.from - first) * scale, math.max((one.to - one.from) * scale, 0.6)
    local name = one.step:match "[^/]*$"
    local is_critical = run.critical[one.step]
    out[#out + 1] = ('<a href="#s%d" class="g%s%s" data-s="%d"><title>%s: %s%s%s</title><rect x="%.2f" y="%d" width="%.2f" height="%d" rx="2"/>%s</a>\n'):format(
      facts.number[one.step],
      is_critical and " cr" or "",
      one.ok and "" or " no",
      facts.number[one.step],
      html.escape(one.step),
      report.time(one.to - one.from),
      is_critical and ", on the critical path" or "",
      one.ok and "" or ", failed",
      x,
      TOP + (row_of[one] - 1) * ROW,
      width,
      ROW - 4,
      width > #name * LETTER + 8
          and ('<text x="%.1f" y="%d">%s</text>'):format(x + 4, TOP + (row_of[one] - 1) * ROW + 15, html.escape(name))
        or ""
    )
  end
  -- How many are built at once, of the jobs that there are.
  local path, unit_height = {}, 32 / math.max(run.jobs, rows, 1)
  local base = below + 36
  path[1] = ("M0 %d"):format(base)
  for _, level in ipairs(levels(run.steps)) do
    path[#path + 1] = ("H%.1fV%.1f"):format((level[1] - first) * scale, base - level[2] * unit_height)
  end
  out[#out + 1] = ('<rect class="idle" x="0" y="%.1f" width="%.1f" height="%.1f"><title>jobs without a step</title></rect><path class="busy" d="%sV%d"/>'):format(
    base - run.jobs * unit_height,
    length * scale,
    run.jobs * unit_height,
    table.concat(path),
    base
  )
  out[#out + 1] = ('<text class="ax" x="3" y="%.1f">steps at once, of %d jobs</text>\n</svg>\n'):format(
    base + 9,
    run.jobs
  )
  return table.concat(out)
end

return gantt
