-- The events of a workspace, one line of JSON each: for status, reasons and estimates. No output depends on it.
local fs = require "bq.fs"
local json = require "bq.json"
local schema = require "bq.schema"

local journal = {}

-- How many bytes of the journal are read: about 200,000 lines.
local LIMIT <const> = 1 << 25

local EVENT <const> = schema.record {
  event = schema.text(),
  time = schema.number(),
  ["step?"] = schema.text(),
  ["key?"] = schema.text(),
  ["reason?"] = schema.text(),
  ["ok?"] = schema.flag(),
  ["seconds?"] = schema.number(),
  ["jobs?"] = schema.whole(),
  ["signal?"] = schema.text(),
}

--- Adds a line, with the time.
---@param workspace bq.Workspace
---@param event table with `event`, and what belongs to it
function journal.add(workspace, event)
  local path, is_run = workspace:at "journal.jsonl", event.event == "run"
  event.time = os.time()
  local stat = is_run and fs.lstat(path)
  if stat and stat.type ~= "file" then
    -- A link would lead the lines into a file of somebody else, and a pipe would wait for a reader.
    fs.remove_all(path)
  end
  -- A run begins on a new line. A kill or a full disk may have left an incomplete one.
  fs.append(path, (is_run and "\n" or "") .. json.encode(event) .. "\n")
end

--- The last `LIMIT` bytes of a file.
local function tail(path)
  local stat = fs.stat(path)
  if not stat or stat.type ~= "file" then
    return ""
  end
  local file <close> = assert(io.open(path, "rb"))
  file:seek("set", math.max(0, stat.size - LIMIT))
  return file:read(LIMIT) or ""
end

--- The lines, oldest first. Lines that are not valid events are left out, such as an incomplete last line after a kill.
--- Only the last `LIMIT` bytes are read.
---@param workspace bq.Workspace
---@return table[]
function journal.read(workspace)
  local events = {}
  for line in tail(workspace:at "journal.jsonl"):gmatch "[^\n]+" do
    local ok, event = pcall(json.decode, line)
    if ok and not schema.problem(event, EVENT) then
      events[#events + 1] = event
    end
  end
  return events
end

---@class bq.History
---@field ended? table the last end of the step
---@field done? table the last end that was good
---@field running? table a start without an end; one that came back from a worker without a result has none, and has not ended
---@field started? table the last start

--- The last events of each step.
---@param workspace bq.Workspace
---@return table<string, bq.History> by step id
function journal.by_step(workspace)
  local steps = {}
  for _, event in ipairs(journal.read(workspace)) do
    if event.step then
      local history = steps[event.step] or {}
      steps[event.step] = history
      if event.event == "start" then
        history.running, history.started = event, event
      elseif event.event == "back" then
        history.running = nil
      elseif event.event == "end" then
        history.running = nil
        history.ended = event
        if event.ok then
          history.done = event
        end
      end
    elseif event.event == "run" then
      -- Steps that an earlier run did not finish are not running any more.
      for _, history in pairs(steps) do
        history.running = nil
      end
    end
  end
  return steps
end

--- What each step took the last time that it was built.
---@param history table<string, bq.History> by step id
---@return table<string, number> seconds by step id
function journal.seconds(history)
  local out = {}
  for id, past in pairs(history) do
    out[id] = past.done and past.done.seconds
  end
  return out
end

return journal
