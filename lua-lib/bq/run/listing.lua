-- Shows the steps of a plan on a terminal: as a list, as a tree, by size or by time.
local report = require "bq.report"

local listing = {}

local function detail(row, space)
  if row.state == "done" then
    return row.output:sub(1, 16)
  elseif row.state == "running" then
    return "for " .. report.time(os.time() - row.since)
  end
  return row.state == "failed" and space:log(row.step) or ""
end

--- A line for each step: its state, its version, and what is known of it.
---@param rows bq.Row[]
---@param space bq.Workspace
---@return string[]
function listing.lines(rows, space)
  local out, step, version = {}, 0, 0
  for _, row in ipairs(rows) do
    step, version = math.max(step, #row.step), math.max(version, #row.version)
  end
  local function wide(text, width)
    return text .. (" "):rep(width - #text)
  end
  for index, row in ipairs(rows) do
    local line = ("%-8s %s  %s  %s"):format(
      row.state,
      wide(row.step, step),
      wide(row.version, version),
      detail(row, space)
    )
    out[index] = line:gsub(" +$", "")
  end
  return out
end

--- The steps by a number of theirs, the largest first, and its sum.
---@param rows bq.Row[]
---@param field "size"|"seconds"
---@return string[]
function listing.by(rows, field)
  local sorted, sum = {}, 0
  local shown = field == "size" and report.size or report.time
  for _, row in ipairs(rows) do
    if row[field] then
      sorted[#sorted + 1], sum = row, sum + row[field]
    end
  end
  table.sort(sorted, function(a, b)
    if a[field] ~= b[field] then
      return a[field] > b[field]
    end
    return a.step < b.step
  end)
  local out = {}
  for index, row in ipairs(sorted) do
    local share = sum > 0 and 100 * row[field] / sum or 0
    out[index] = ("%12s %5.1f %%  %s"):format(shown(row[field]), share, row.step)
  end
  out[#out + 1] = ("%12s          %d of %d steps"):format(shown(sum), #sorted, #rows)
  return out
end

--- The phases with their steps, each with the steps that it names below it.
---@param plan table
---@param by_step table<string, bq.Row>
---@param wanted table<string, true> the steps that are shown
---@return string[]
function listing.tree(plan, by_step, wanted)
  local out, shown, named = {}, {}, {}
  for _, step in ipairs(plan.steps) do
    for _, id in ipairs(step.depends) do
      named[id] = named[id] or wanted[step.id] and by_step[id] ~= nil or nil
    end
  end
  local function visit(id, first, rest)
    local row = by_step[id]
    local is_again = shown[id] and #row.dependencies > 0
    shown[id] = true
    out[#out + 1] = ("%s%s %s  %s%s"):format(first, id, row.version, row.state, is_again and " (see above)" or "")
    for index, needed in ipairs(is_again and {} or row.dependencies) do
      local is_last = index == #row.dependencies
      visit(needed, rest .. (is_last and "└─ " or "├─ "), rest .. (is_last and "   " or "│  "))
    end
  end
  for _, name in ipairs(plan.phase_order) do
    local tops = {}
    for _, step in ipairs(plan.steps) do
      tops[#tops + 1] = step.phase == name and wanted[step.id] and not named[step.id] and step.id or nil
    end
    if #tops > 0 then
      out[#out + 1] = ("phase %s, on %s"):format(name, table.concat(plan.phases[name].base, " + "))
      for _, id in ipairs(tops) do
        visit(id, "  ", "  ")
      end
    end
  end
  return out
end

--- One line of what the rows come to.
---@param found bq.Overview
---@return string
function listing.summary(found)
  local parts, left = {}, 0
  for _, name in ipairs { "done", "running", "failed", "next", "waiting" } do
    if found.counts[name] then
      parts[#parts + 1] = ("%d %s"):format(found.counts[name], name)
    end
  end
  for _, row in ipairs(found.rows) do
    local past = found.about.history[row.step]
    left = left + (row.state ~= "done" and past and past.done and past.done.seconds or 0)
  end
  return ("%d steps: %s%s"):format(
    #found.rows,
    table.concat(parts, ", "),
    left > 0 and (", about %s of work left"):format(report.time(left)) or ""
  )
end

return listing
