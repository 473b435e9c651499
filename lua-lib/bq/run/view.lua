-- The live view of a run as lines: what runs, what waits for what, how far the whole is, and when it will be done. It
-- looks at nothing and draws nothing: what is shown is handed in.
local report = require "bq.report"

local view = {}

---@class bq.View what is shown
---@field done integer
---@field total integer
---@field failed integer
---@field part number of the work that is done, 0 to 1
---@field left? number seconds
---@field is_least? boolean it may be much longer
---@field used integer jobs that run
---@field jobs integer
---@field free? integer bytes of the disk
---@field running { id: string, verb: string, seconds: number, line: string, behind: integer }[] the longest first
---@field waiting { id: string, needs: string[] }[] those that are next
---@field others integer how many more wait
---@field removing boolean whether build trees are being removed
---@field stopping? string why no step is started any more

-- The rows that a view leaves to the messages above it.
local MESSAGES <const> = 6
-- How many waiting steps are named.
local NAMED <const> = 3

local COLORS <const> = { good = "32", bad = "1;31", name = "1", verb = "36", quiet = "2", wait = "33" }

local function painter(color)
  return function(kind, text)
    return color and text ~= "" and ("\27[%sm%s\27[0m"):format(COLORS[kind], text) or text
  end
end

--- The columns of a text.
local function width(text)
  return utf8.len(text) or #text
end

local function pad(text, columns)
  local room = columns - width(text)
  if room < 0 then
    return text:sub(1, utf8.offset(text, columns) - 1) .. "…"
  end
  return text .. (" "):rep(room)
end

--- A time that is known about, to 5 seconds, minutes or 5 minutes: `about 4 min`.
---@param seconds number
---@return string
function view.about(seconds)
  if seconds < 5 then
    return "a few seconds"
  elseif seconds < 57.5 then
    return ("about %d s"):format((seconds + 2.5) // 5 * 5)
  elseif seconds < 3570 then
    return ("about %d min"):format((seconds + 30) // 60)
  end
  local minutes = math.floor((seconds + 150) // 300 * 5)
  return ("about %d h %d min"):format(minutes // 60, minutes % 60)
end

--- What is left: `about 4 min left`, or `over 4 min left` if it may be much longer.
---@param shown { left?: number, is_least?: boolean }
---@return string? # `nil` if nothing can be said
function view.left(shown)
  local about = shown.left and view.about(shown.left)
  if about and shown.is_least then
    about = about:match "^about (.*)$"
    return about and ("over %s left"):format(about)
  end
  return about and about .. " left"
end

local function bar(paint, part, columns)
  local full = math.floor(math.max(0, math.min(1, part)) * columns)
  local head = full < columns and ">" or ""
  return "[" .. paint("good", ("="):rep(full) .. head) .. (" "):rep(columns - full - #head) .. "]"
end

--- The first two lines: the whole.
local function whole(paint, shown, columns)
  local counts = ("%d of %d steps"):format(shown.done, shown.total)
  local left = view.left(shown) or ""
  local percent = ("%3d %%"):format(math.floor(shown.part * 100))
  local room = math.min(60, columns - width(counts) - width(left) - #percent - 9)
  local first = ("%s  %s %s  %s"):format(counts, bar(paint, shown.part, math.max(room, 5)), percent, left)
  local second = { ("%d of %d jobs"):format(shown.used, shown.jobs) }
  second[#second + 1] = shown.free and report.size(shown.free) .. " free"
  second[#second + 1] = shown.failed > 0 and paint("bad", ("%d failed"):format(shown.failed)) or nil
  second[#second + 1] = shown.stopping and paint("wait", shown.stopping) or nil
  return (first:gsub("%s+$", "")), table.concat(second, " · ")
end

--- The lines of a view.
---@param shown bq.View
---@param options { rows: integer, columns: integer, color: boolean }
---@return string[]
function view.lines(shown, options)
  local paint, columns = painter(options.color), options.columns
  local out = { whole(paint, shown, columns) }
  local waits = math.min(#shown.waiting, NAMED, math.max(options.rows // 8 - 1, 1))
  local room = math.max(options.rows - MESSAGES - #out - waits, 2)
  local ids = 12
  for _, one in ipairs(shown.running) do
    ids = math.max(ids, math.min(width(one.id), columns // 3))
  end
  for index, one in ipairs(shown.running) do
    if index == room and #shown.running > room then
      out[#out + 1] = paint("quiet", ("  and %d more run"):format(#shown.running - room + 1))
      break
    end
    local behind = one.behind > 0 and columns >= 100 and ("%d wait for it  "):format(one.behind) or ""
    local line = ("  %s  %s %s  %s%s"):format(
      paint("name", pad(one.id, ids)),
      paint("verb", pad(one.verb, 9)),
      pad(report.time(one.seconds), 10),
      paint("wait", behind),
      paint("quiet", one.line)
    )
    out[#out + 1] = (line:gsub("%s+$", ""))
  end
  if shown.removing then
    out[#out + 1] = paint("quiet", "  removing build trees of steps that are done")
  end
  for index = 1, waits do
    local one = shown.waiting[index]
    local more = index == waits and shown.others + #shown.waiting - waits or 0
    out[#out + 1] = ("  %s  waits for %s%s"):format(
      pad(one.id, ids),
      table.concat(one.needs, ", "),
      more > 0 and paint("quiet", (" · %d more"):format(more)) or ""
    )
  end
  return out
end

return view
