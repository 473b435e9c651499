-- The picture of the steps and what they depend on, as SVG.
local html = require "bq.html"
local layered = require "bq.pages.layered"

local graph = {}

local STATE_CLASS <const> = { done = "ok", failed = "no", running = "run", next = "nx", waiting = "wt" }

local function edge(from, to)
  local height = layered.HEIGHT / 2
  local x1, y1, x2, y2 = from.x + from.width, from.y + height, to.x, to.y + height
  local bend = math.max(24, math.min(120, math.abs(x2 - x1) / 2))
  return ("M%.0f %.0fC%.0f %.0f %.0f %.0f %.0f %.0f"):format(x1, y1, x1 + bend, y1, x2 - bend, y2, x2, y2)
end

--- The picture.
---@param facts bq.pages.Facts
---@return string svg
function graph.svg(facts)
  local plan = facts.build.plan
  local layout = layered.of(plan)
  local out = {
    ('<svg id="graph" class="pic" data-zoom style="max-width:%.0fpx" viewBox="-4 -4 %.0f %.0f" role="img" aria-label="the graph of steps">\n'):format(
      1.25 * (layout.width + 8),
      layout.width + 8,
      layout.height + 8
    ),
  }
  for _, box in ipairs(layout.phases) do
    local phase = plan.phases[box.name]
    out[#out + 1] = ('<rect class="ph" x="%.0f" y="%.0f" width="%.0f" height="%.0f" rx="8"/>'):format(
      box.x,
      box.y,
      box.width,
      box.height
    )
    out[#out + 1] = ('<text class="pt" x="%.0f" y="%.0f">%s <tspan class="pd">on %s</tspan></text>\n'):format(
      box.x + 12,
      box.y + 19,
      html.escape(box.name),
      html.escape(table.concat(phase.base, " + "))
    )
  end
  for _, step in ipairs(plan.steps) do
    for _, needed in ipairs(step.depends) do
      local from, to = layout.places[needed], layout.places[step.id]
      if from and to then
        out[#out + 1] = ('<path class="e" id="e%d_%d" d="%s"/>\n'):format(
          facts.number[needed],
          facts.number[step.id],
          edge(from, to)
        )
      end
    end
  end
  for _, step in ipairs(plan.steps) do
    local one, row = layout.places[step.id], facts.found.by_step[step.id]
    local named = #step.depends > 0 and "names " .. table.concat(step.depends, ", ") or "names no other step"
    out[#out + 1] = ('<a href="#s%d" id="n%d" class="nd %s"><title>%s %s, %s; %s</title><rect x="%.0f" y="%.0f" width="%.0f" height="%d" rx="5"/><text x="%.0f" y="%.0f">%s</text></a>\n'):format(
      facts.number[step.id],
      facts.number[step.id],
      STATE_CLASS[row.state],
      html.escape(step.id),
      html.escape(step.version),
      row.state,
      html.escape(named),
      one.x,
      one.y,
      one.width,
      layered.HEIGHT,
      one.x + 7,
      one.y + 15.5,
      html.escape(step.name)
    )
  end
  out[#out + 1] = "</svg>\n"
  return table.concat(out)
end

return graph
