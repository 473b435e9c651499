-- The sizes of outputs as a treemap, as SVG: phases, in them steps, in these their large files.
local html = require "bq.html"
local report = require "bq.report"
local treemap = require "bq.pages.treemap"

local sizes = {}

local WIDTH <const>, HEIGHT <const> = 1320, 620
local HEADER <const>, LETTER <const> = 16, 6.3

local function by_size(a, b)
  if a.size ~= b.size then
    return a.size > b.size
  end
  return a.name < b.name
end

--- The label of an area, if it has room for one.
local function label(one, text, class)
  local most = math.floor((one.width - 6) / LETTER)
  if most < 4 or one.height < 13 then
    return ""
  end
  text = #text > most and text:sub(1, most - 1) .. "…" or text
  return ('<text class="%s" x="%.1f" y="%.1f">%s</text>'):format(class, one.x + 3, one.y + 11.5, html.escape(text))
end

local function rectangle(one, class, title, more)
  return ('<rect class="%s" x="%.1f" y="%.1f" width="%.1f" height="%.1f"%s><title>%s</title></rect>'):format(
    class,
    one.x,
    one.y,
    math.max(one.width - 1, 0.2),
    math.max(one.height - 1, 0.2),
    more or "",
    html.escape(title)
  )
end

--- The large files of a step, and one item for all others.
local function files_of(facts, row)
  local items, rest = {}, row.size
  for index, file in ipairs(facts.files[row.step] or {}) do
    items[index] = { name = file.path, size = file.size }
    rest = rest - file.size
  end
  if rest > 0 then
    items[#items + 1] = { name = #items > 0 and "all smaller files" or "small files", size = rest }
  end
  table.sort(items, by_size)
  return items
end

--- The picture.
---@param facts bq.pages.Facts
---@return string svg
function sizes.svg(facts)
  local phases, by_name = {}, {}
  for _, row in ipairs(facts.found.rows) do
    local name = facts.build.by_id[row.step].phase
    if row.size and row.size > 0 then
      if not by_name[name] then
        by_name[name] = { name = name, size = 0, steps = {} }
        phases[#phases + 1] = by_name[name]
      end
      local phase = by_name[name]
      phase.size = phase.size + row.size
      table.insert(phase.steps, { name = row.step, size = row.size, row = row })
    end
  end
  table.sort(phases, by_size)
  local out = {
    ('<svg id="map" class="pic" viewBox="0 0 %d %d" role="img" aria-label="the sizes of outputs">\n'):format(
      WIDTH,
      HEIGHT
    ),
  }
  for index, phase_area in ipairs(treemap.divide(phases, 0, 0, WIDTH, HEIGHT)) do
    local phase = phase_area.item
    local color = (index - 1) % 6
    out[#out + 1] = rectangle(phase_area, "tp c" .. color, ("phase %s: %s"):format(phase.name, report.size(phase.size)))
    out[#out + 1] = label(phase_area, ("%s %s"):format(phase.name, report.size(phase.size)), "tl")
    table.sort(phase.steps, by_size)
    local has_room = phase_area.height > 3 * HEADER
    local top = has_room and HEADER or 0
    for _, area in
      ipairs(
        treemap.divide(
          phase.steps,
          phase_area.x + 2,
          phase_area.y + top,
          phase_area.width - 4,
          phase_area.height - top - 2
        )
      )
    do
      local step, number = area.item, facts.number[area.item.name]
      out[#out + 1] = ('<a href="#s%d" data-s="%d">'):format(number, number)
      out[#out + 1] = rectangle(area, "ts c" .. color, ("%s: %s"):format(step.name, report.size(step.size)))
      local inner = area.height > 3 * HEADER and area.width > 60 and HEADER or 0
      local is_large = area.width * area.height > 2500
      local parts = is_large
          and treemap.divide(
            files_of(facts, step.row),
            area.x + 1,
            area.y + inner,
            area.width - 3,
            area.height - inner - 2
          )
        or {}
      for _, file in ipairs(parts) do
        local name = file.item.name
        out[#out + 1] = rectangle(file, "tf", ("%s: %s: %s"):format(step.name, name, report.size(file.item.size)))
        out[#out + 1] = label(file, name:match "[^/]*$", "tn")
      end
      if inner > 0 or #parts == 0 then
        out[#out + 1] = label(area, step.name:match "[^/]*$", "tl")
      end
      out[#out + 1] = "</a>\n"
    end
  end
  out[#out + 1] = "</svg>\n"
  return table.concat(out)
end

return sizes
