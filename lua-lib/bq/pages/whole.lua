-- The report of a build as one page.
local facts_of = require "bq.pages.facts"
local gantt = require "bq.pages.gantt"
local graph = require "bq.pages.graph"
local html = require "bq.html"
local json = require "bq.json"
local report = require "bq.report"
local script = require "bq.pages.script"
local sizes = require "bq.pages.sizes"
local steps = require "bq.pages.steps"
local tables = require "bq.tables"
local tables_of = require "bq.pages.tables"

local whole = {}

local STYLE <const> = [[
nav{display:flex;flex-wrap:wrap;gap:4px 16px;padding:6px 0;border-bottom:1px solid var(--line)}
#tools{position:sticky;top:0;background:var(--bg);padding:8px 0;z-index:2;border-bottom:1px solid var(--line)}
#tools input{font:inherit;color:var(--fg);background:var(--card);border:1px solid var(--line);border-radius:6px;padding:4px 10px;width:min(340px,100%)}
.cards{display:flex;flex-wrap:wrap;gap:10px;margin:12px 0}
.card{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:8px 14px;min-width:118px}
.card b{display:block;font-size:20px;line-height:1.3}.card>span{color:var(--dim);font-size:13px}
.pic{width:100%;min-width:760px;display:block;touch-action:pan-y}
.zoom{display:flex;gap:4px;position:sticky;left:0;margin-bottom:4px}
.zoom button{font:inherit;font-size:13px;color:var(--fg);background:var(--bg);border:1px solid var(--line);border-radius:5px;padding:0 9px;cursor:pointer}
svg text{font:12px system-ui,sans-serif;fill:var(--fg);pointer-events:none}
.ph{fill:none;stroke:var(--line)}.pt{font-weight:600}svg .pd{fill:var(--dim);font-weight:400}
.e{fill:none;stroke:var(--dim);stroke-opacity:.35}
.nd rect{fill:var(--soft);stroke:var(--line)}.nd.no rect{fill:none;stroke:var(--bad);stroke-width:2}
.nd.run rect{stroke:var(--warm);stroke-width:2}.nd.nx rect,.nd.wt rect{fill:none;stroke-dasharray:4 3;stroke:var(--dim)}
.hl .nd,.nd.off{opacity:.25}.hl .nd.me,.hl .nd.dn,.hl .nd.up{opacity:1}
.nd.me rect{stroke:var(--fg);stroke-width:2}.nd.dn rect{stroke:var(--mark);stroke-width:2}.nd.up rect{stroke:var(--warm);stroke-width:2}
.hl .e{stroke-opacity:.08}.hl .e.dn{stroke:var(--mark);stroke-opacity:1}.hl .e.up{stroke:var(--warm);stroke-opacity:1}
.tall{max-height:75vh;overflow-y:auto}
.sort thead th{position:sticky;top:-8px;background:var(--card);cursor:pointer}
.st{white-space:nowrap}td.n+td,th.n+th:not(.n){padding-left:12px}
#said{min-height:1.5em}
.gl{stroke:var(--line)}svg .ax{fill:var(--dim);font-size:11px}
.g rect{fill:var(--soft);stroke:var(--mark);stroke-width:.6}.g.cr rect{fill:var(--hot);stroke:var(--warm)}.g.no rect{stroke:var(--bad);stroke-width:2}
.idle{fill:var(--hot);fill-opacity:.35}.busy{fill:var(--mark);fill-opacity:.65}
.tp,.ts{stroke:var(--bg)}.tp{fill-opacity:.35}.ts{fill-opacity:.45}.tf{fill:var(--bg);fill-opacity:.35;stroke:none}
.c0{fill:#4f8fc9}.c1{fill:#58a566}.c2{fill:#c98a3a}.c3{fill:#9a6fc0}.c4{fill:#c26472}.c5{fill:#4aa3a3}
svg .tl{font-weight:600}svg .tn{font-size:11px}a:hover .ts{fill-opacity:.8}
.step{border-bottom:1px solid var(--line);padding:4px 0;content-visibility:auto;contain-intrinsic-size:auto 33px;scroll-margin-top:52px}
.step>div{padding:4px 0 10px 16px}.step th{width:110px;white-space:nowrap}.step ul{margin:0;padding-left:18px}
.step pre{max-height:320px}.step th,.step td{border-bottom:0}
.key i{display:inline-block;width:12px;height:12px;border-radius:3px;vertical-align:-1px;margin:0 4px 0 12px}
[hidden]{display:none!important}
@media (max-width:640px){table.sort td:nth-child(n+6),table.sort th:nth-child(n+6){display:none}.step th{display:block;width:auto}.step td{display:block}}
]]

local function steps_text(count)
  return ("%d %s"):format(count, count == 1 and "step" or "steps")
end

local function card(value, name)
  return ('<div class="card"><b>%s</b><span>%s</span></div>\n'):format(value, name)
end

local function head(facts)
  local plan, counts = facts.build.plan, facts.found.counts
  local seconds = 0
  for _, row in ipairs(facts.found.rows) do
    seconds = seconds + (row.seconds or 0)
  end
  local name = plan.system and plan.system.name or "set " .. plan.set
  local out = {
    ("<header>\n<h1>%s for %s</h1>\n"):format(html.escape(name), html.escape(plan.arch)),
    ('<div class="d">by bq, %s; target <code>%s</code></div>\n<div class="cards">\n'):format(
      os.date "%Y-%m-%d %H:%M",
      html.escape(plan.target)
    ),
    card(("%d / %d"):format(counts.done or 0, #plan.steps), "steps are built"),
    card(report.size(facts.total), "outputs"),
    card(report.time(seconds), "of work, all steps"),
  }
  if facts.run then
    local _, length, used = gantt.use(facts.run)
    out[#out + 1] = card(report.time(length), "the last run, " .. steps_text(#facts.run.steps))
    out[#out + 1] = card(report.time(facts.run.longest), "its critical path")
    out[#out + 1] = card(("%.0f %%"):format(100 - 100 * used), ("of %d jobs' time was idle"):format(facts.run.jobs))
  end
  for _, state in ipairs { "failed", "running", "next", "waiting" } do
    if counts[state] then
      out[#out + 1] =
        card(('<span class="%s">%d</span>'):format(state == "failed" and "bad" or "warm", counts[state]), state)
    end
  end
  out[#out + 1] = "</div>\n"
  return table.concat(out)
end

local function environments(plan)
  local out = {}
  for _, name in ipairs(plan.phase_order) do
    local phase, lines = plan.phases[name], {}
    for variable, value in tables.sorted(phase.env) do
      lines[#lines + 1] = ("%s=%s"):format(variable, tostring(value))
    end
    out[#out + 1] = ('<details><summary><b>%s</b> <span class="d">%s; on %s, prefix %s</span></summary><pre>%s</pre></details>\n'):format(
      html.escape(name),
      html.escape(phase.about or ""),
      html.escape(table.concat(phase.base, " + ")),
      html.escape(phase.prefix),
      html.escape(table.concat(lines, "\n"))
    )
  end
  return table.concat(out)
end

--- The numbers and names that the script needs.
local function data(facts)
  local depends, names = json.array {}, json.array {}
  for index, step in ipairs(facts.build.plan.steps) do
    names[index], depends[index] = step.id, json.array {}
    for _, needed in ipairs(step.depends) do
      table.insert(depends[index], facts.number[needed])
    end
  end
  -- A name could end the script.
  return ("const N=%s,D=%s;\n"):format(json.encode(names):gsub("</", "<\\/"), json.encode(depends))
end

--- A run as a picture.
local function timeline(facts, run, id, what)
  local _, length, used = gantt.use(run)
  return table.concat {
    ('<div class="d key">%s: %s in %s, from %s; critical path %s, idle %.0f %% of %d jobs.'):format(
      what,
      steps_text(#run.steps),
      report.time(length),
      os.date("%Y-%m-%d %H:%M", run.time),
      report.time(run.longest),
      100 - 100 * used,
      run.jobs
    ),
    '<i style="background:var(--hot)"></i>critical path, or jobs without a step<i style="background:var(--mark)"></i>steps at once</div>\n',
    '<div class="box">',
    gantt.svg(facts, run, id),
    "</div>\n",
  }
end

--- The report.
---@param build bq.State that has looked into the store
---@return string html
function whole.page(build)
  local facts = facts_of.of(build)
  local body = { head(facts) }
  local function add(...)
    for _, text in ipairs { ... } do
      body[#body + 1] = text
    end
  end
  add('<nav><a href="#h-graph">Graph</a>', facts.run and '<a href="#h-time">Time</a><a href="#h-new">New</a>' or "")
  add '<a href="#h-size">Sizes</a><a href="#h-steps">Steps</a><a href="#h-lic">Licences</a><a href="#h-phase">Phases</a><a href="#h-pages">Step by step</a></nav>\n</header>\n<main>\n'
  add '<div id="tools" hidden><input id="search" type="search" placeholder="search a step" aria-label="search a step"> <span id="count" class="d"></span></div>\n'
  add '<h2 id="h-graph">The graph of steps</h2>\n<div class="d">Below each other the phases, in each the steps to the right of those that they name. A click opens the page of a step; Ctrl and the wheel zoom.</div>\n'
  add('<div class="box">', graph.svg(facts), '</div>\n<div id="said" class="d" aria-live="polite"></div>\n')
  if facts.run then
    add '<h2 id="h-time">When each step was built</h2>\n'
    add(timeline(facts, facts.run, "gantt", "The last run that built something"))
    add(facts.most and timeline(facts, facts.most, "gantt2", "The run that built most steps") or "")
    add('<h2 id="h-new">New since the run before</h2>\n<div class="box tall">', tables_of.new(facts), "</div>\n")
  end
  if facts.total > 0 then
    add(
      '<h2 id="h-size">Sizes</h2>\n<div class="d">Phases, in them steps, in these the files over 0.1 % of all outputs.</div>\n<div class="box">',
      sizes.svg(facts),
      "</div>\n"
    )
  end
  add('<h2 id="h-steps">Steps</h2>\n<div class="box tall">', tables_of.steps(facts), "</div>\n")
  add('<h2 id="h-lic">Licences</h2>\n<div class="box">', tables_of.licences(facts), "</div>\n")
  add('<h2 id="h-phase">Phases and their environments</h2>\n', environments(build.plan))
  add '<h2 id="h-pages">Step by step</h2>\n'
  for _, step in ipairs(build.plan.steps) do
    add(steps.page(facts, step))
  end
  add "</main>\n"
  return html.page { title = "bq: " .. build.plan.set, body = body, style = STYLE, script = data(facts) .. script }
end

return whole
