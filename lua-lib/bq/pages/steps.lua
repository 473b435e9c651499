-- The page of each step: reason, key, sources, output, log, licence, and who depends on it.
local facts_of = require "bq.pages.facts"
local html = require "bq.html"
local report = require "bq.report"

local steps = {}

-- The longest value of a field, in bytes, and how many large files are named.
local LONGEST <const>, FILES <const> = 240, 8

--- A link to a step's page; text for one that has none.
---@param facts bq.pages.Facts
---@param id string
---@return string
function steps.link(facts, id)
  local number = facts.number[id]
  return number and ('<a href="#s%d">%s</a>'):format(number, html.escape(id)) or html.escape(id)
end

local function links(facts, ids)
  local out = {}
  for index, id in ipairs(ids) do
    out[index] = steps.link(facts, id)
  end
  return #out > 0 and table.concat(out, ", ") or "none"
end

--- Text in which names of steps in back quotes are links.
local function linked(facts, text)
  return (
    html.escape(text):gsub("`([^`<&]+)`", function(name)
      return facts.number[name] and steps.link(facts, name) or nil
    end)
  )
end

---@param facts bq.pages.Facts
---@param text? string
---@return string
function steps.reason(facts, text)
  return text and linked(facts, text) or '<span class="d">it was not built in this workspace</span>'
end

local function key_text(facts, id)
  local fields, out = facts_of.key_fields(facts, id), {}
  for index, field in ipairs(fields or {}) do
    local value = #field.value > LONGEST and field.value:sub(1, LONGEST) .. "…" or field.value
    out[index] = ("%-30s %s"):format(field.name, (value:gsub("\n", "\\n")))
  end
  return fields and html.escape(table.concat(out, "\n"))
end

local function sources_html(facts, step)
  local out = {}
  for _, one in ipairs(facts_of.sources(facts, step)) do
    local from = {}
    for index, place in ipairs(one.from) do
      from[index] = place:find "^https?://"
          and ('<a href="%s" rel="noreferrer">%s</a>'):format(html.escape(place), html.escape(place))
        or html.escape(place)
    end
    out[#out + 1] = ('<li><code>%s</code> <span class="d m">%s</span><br>%s</li>'):format(
      html.escape(one.file),
      one.sha256:sub(1, 16),
      #from > 0 and table.concat(from, "<br>") or "of the lock"
    )
  end
  return #out > 0 and "<ul>" .. table.concat(out) .. "</ul>" or nil
end

local function output_html(facts, row)
  if not row.output then
    return nil
  end
  ---@type string[]
  local out =
    { ("%s in %d files, digest <code>%s</code>"):format(report.size(row.size or 0), row.files or 0, row.output) }
  local large = {}
  for index, file in ipairs(facts.files[row.step] or {}) do
    if index <= FILES then
      large[index] = ("%12s  /%s"):format(report.size(file.size), file.path)
    end
  end
  if #large > 0 then
    out[2] = "<pre>" .. html.escape(table.concat(large, "\n")) .. "</pre>"
  end
  return table.concat(out)
end

--- The page of a step.
---@param facts bq.pages.Facts
---@param step table
---@return string
function steps.page(facts, step)
  local row, about = facts.found.by_step[step.id], facts.found.about
  local count = 0
  for _ in pairs(about.graph:dependents { step.id }) do
    count = count + 1
  end
  local out = {
    ('<details class="step" id="d%d"><summary><b>%s</b> %s <span class="d">%s%s%s</span></summary><div id="s%d">\n<table>'):format(
      facts.number[step.id],
      html.escape(step.id),
      html.escape(step.version),
      row.state,
      row.seconds and ", " .. report.time(row.seconds) or "",
      row.size and ", " .. report.size(row.size) or "",
      facts.number[step.id]
    ),
  }
  local function line(name, value)
    if value then
      out[#out + 1] = ("<tr><th>%s</th><td>%s</td></tr>\n"):format(name, value)
    end
  end
  line("Reason", steps.reason(facts, row.reason))
  line("Licence", html.escape(step.license))
  line(
    "Home",
    step.homepage
      and ('<a href="%s" rel="noreferrer">%s</a>'):format(html.escape(step.homepage), html.escape(step.homepage))
  )
  line(
    "Depends on",
    links(facts, step.depends)
      .. " "
      .. ('<span class="d">and phases %s</span>'):format(
        html.escape(table.concat(facts.build.plan.phases[step.phase].base, ", "))
      )
  )
  line(
    "Named by",
    links(facts, about.graph:named_by(step.id))
      .. (' <span class="d">%d steps are built from it, directly or not</span>'):format(count)
  )
  line("Sources", sources_html(facts, step))
  line("Output", output_html(facts, row))
  local text = key_text(facts, step.id)
  line(
    "Key",
    row.key and ("<code>%s</code>%s"):format(row.key, text and "<pre>" .. text .. "</pre>" or "")
      or "known when what it depends on is built"
  )
  local log = facts_of.log_end(facts, step.id)
  line("Log's end", log and log ~= "" and "<pre>" .. html.escape(log) .. "</pre>" or nil)
  out[#out + 1] = "</table></div></details>\n"
  return table.concat(out)
end

return steps
