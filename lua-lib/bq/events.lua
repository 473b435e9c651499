-- Events for programs: a line of JSON each on standard output, asked for by `--json`. docs/events.md says what is in them.
local host = require "bq.host"
local json = require "bq.json"
local log = require "bq.log"
local process = require "bq.process"
local progress = require "bq.progress"

local events = { is_on = false }

--- The version of the events: raised when a field changes its meaning or goes.
local FORMAT <const> = 1

--- The option of programs that take long.
---@type bq.Option
events.OPTION =
  { name = "json", help = "say what happens as events: a line of JSON each, on standard output", once = true }

--- The variable that says to a bq inside the rootfs that the one outside has begun.
events.INSIDE = "BQ_EVENTS"

local started ---@type number

--- The name of the running program.
local function program()
  return (host.script:match "([^/]+)$" or host.script):gsub("%.lua$", "")
end

local function is_inside()
  return os.getenv(events.INSIDE) ~= nil
end

--- From here on events are said.
function events.begin()
  if events.is_on then
    return
  end
  events.is_on, started = true, process.clock()
  progress.events()
  if not is_inside() then
    events.say("start", { program = program(), version = host.version, format = FORMAT })
  end
end

--- Says an event, if events are asked for.
---@param event "start"|"progress"|"end"|"failure"|"summary"
---@param fields table
function events.say(event, fields)
  if not events.is_on then
    return
  end
  local line = { event = event, time = os.time() }
  for name, value in pairs(fields) do
    line[name] = value
  end
  log.out(json.encode(line))
end

--- The program has failed.
---@param lines string[] as an error is shown
function events.failed(lines)
  if not events.is_on then
    return
  end
  local fields = { caused_by = json.array {} }
  for index, line in ipairs(lines) do
    line = json.text(line)
    local word, text = line:match "^(%l[%l ]-): (.*)$"
    if index == 1 then
      fields.message = text or line
    elseif word == "hint" then
      fields.hint = text
    else
      table.insert(fields.caused_by, word == "caused by" and text or line)
    end
  end
  events.say("failure", fields)
end

--- The program ends.
---@param status integer
function events.finish(status)
  if events.is_on and not is_inside() then
    local seconds = math.floor((process.clock() - started) * 1000) / 1000
    events.say("end", { program = program(), status = status, seconds = seconds })
  end
end

return events
