-- The tables of the report: steps, licences, and what the last run built.
local html = require "bq.html"
local report = require "bq.report"
local steps = require "bq.pages.steps"
local store = require "bq.store"
local tables = require "bq.tables"

local tables_of = {}

local STATE_CLASS <const> = { done = "good", failed = "bad", running = "warm", next = "warm", waiting = "d" }

--- A cell with a number, which a script sorts by.
local function number(value, shown)
  return ('<td class="n" data-v="%s">%s</td>'):format(value or -1, shown or "")
end

--- All steps.
---@param facts bq.pages.Facts
---@return string
function tables_of.steps(facts)
  local out = {
    '<table id="steps" class="sort"><thead><tr><th>Step</th><th>Version</th><th>State</th><th class="n">Time</th><th class="n">Size</th><th>Licence</th></tr></thead><tbody>\n',
  }
  for _, row in ipairs(facts.found.rows) do
    out[#out + 1] = ('<tr data-s="%d"><td>%s</td><td>%s</td><td class="st %s">%s</td>%s%s<td>%s</td></tr>\n'):format(
      facts.number[row.step],
      steps.link(facts, row.step),
      html.escape(row.version),
      STATE_CLASS[row.state],
      row.state,
      number(row.seconds, row.seconds and report.time(row.seconds)),
      number(row.size, row.size and report.size(row.size)),
      html.escape(row.license)
    )
  end
  out[#out + 1] = "</tbody></table>\n"
  return table.concat(out)
end

--- The licences, each with its steps.
---@param facts bq.pages.Facts
---@return string
function tables_of.licences(facts)
  local by_name = {}
  for _, row in ipairs(facts.found.rows) do
    by_name[row.license] = by_name[row.license] or { steps = {}, size = 0 }
    local one = by_name[row.license]
    one.size = one.size + (row.size or 0)
    one.steps[#one.steps + 1] = steps.link(facts, row.step)
  end
  local out = {
    '<table class="sort"><thead><tr><th>Licence</th><th class="n">Steps</th><th class="n">Size</th><th>Which</th></tr></thead><tbody>\n',
  }
  for name, one in tables.sorted(by_name) do
    out[#out + 1] = ("<tr><td>%s</td>%s%s<td>%s</td></tr>\n"):format(
      html.escape(name),
      number(#one.steps, tostring(#one.steps)),
      number(one.size, report.size(one.size)),
      table.concat(one.steps, ", ")
    )
  end
  out[#out + 1] = "</tbody></table>\n"
  return table.concat(out)
end

--- How the output of a step differs from the one that an earlier run made.
local function change(facts, one)
  local meta = facts.found.about:meta(one.step)
  local key = facts.run.before[one.step]
  if not meta then
    return one.ok and "its output is not that of the plan any more" or '<span class="bad">failed</span>'
  elseif not key then
    return "new"
  end
  local old = store.get(facts.build.workspace, key)
  if not old then
    return "the earlier output is not in the store any more"
  elseif old.output == meta.output then
    return "the output is the same as before"
  end
  local version = old.version ~= meta.version
      and (", version %s → %s"):format(html.escape(old.version), html.escape(meta.version))
    or ""
  return ("another output%s"):format(version)
end

--- What the last run built, and why.
---@param facts bq.pages.Facts with a run
---@return string
function tables_of.new(facts)
  local out = {
    '<table class="sort"><thead><tr><th>Step</th><th class="n">Time</th><th>Why it was built</th><th>What came of it</th></tr></thead><tbody>\n',
  }
  for _, one in ipairs(facts.run.steps) do
    out[#out + 1] = ("<tr><td>%s</td>%s<td>%s</td><td>%s</td></tr>\n"):format(
      steps.link(facts, one.step),
      number(one.to - one.from, report.time(one.to - one.from)),
      steps.reason(facts, one.reason),
      change(facts, one)
    )
  end
  out[#out + 1] = "</tbody></table>\n"
  return table.concat(out)
end

return tables_of
