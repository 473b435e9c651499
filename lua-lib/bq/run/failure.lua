-- Why a step failed: the message of its own process, and the lines of its log that look like the error. This data is
-- not trusted: it is read without following links, up to a limit, and checked.
local fail = require "bq.fail"
local fs = require "bq.fs"
local json = require "bq.json"
local schema = require "bq.schema"

local failure = {}

---@class bq.StepFailure
---@field lines string[] as an error is shown
---@field command? { argv: string[], cwd: string, code?: integer, signal?: string } that failed

-- How many lines of a failure are written and read, and how many bytes of each. The words of a command are bounded by the
-- size of the file: the kernel takes at most 6 MiB of them.
local MOST <const>, LONGEST <const> = 200, 1 << 16
---@type bq.schema.Format
local FORMAT <const> = {
  what = "the failure of a step",
  limit = 1 << 24,
  nofollow = true,
  kind = schema.record {
    lines = schema.where(schema.list(schema.text { max = LONGEST }), function(value)
      if #value == 0 or #value > MOST then
        return ("has %d lines, expected 1 to %d"):format(#value, MOST)
      end
    end),
    ["command?"] = schema.record {
      argv = schema.list(schema.text()),
      cwd = schema.text(),
      ["code?"] = schema.whole(0, 255),
      ["signal?"] = schema.text { max = 20, pattern = "[%u%d][%u%d+-]*", what = "the name of a signal" },
    },
  },
}

-- How many bytes of a log's line are read and shown.
local WIDEST <const> = 2000
-- How much of a log is read at once.
local CHUNK <const> = 1 << 16
-- How many errors of a log are shown, and how many lines around each.
local ERRORS <const>, BEFORE <const>, AFTER <const> = 3, 2, 4

--- Writes an error to a file. It may contain any bytes.
---@param path string
---@param err any
function failure.write(path, err)
  local lines, command = fail.lines(err), type(err) == "table" and rawget(err, "command") or nil
  lines = table.move(lines, 1, math.min(#lines, MOST), 1, {})
  for index, line in ipairs(lines) do
    -- A byte that is no text becomes three.
    lines[index] = json.text(line:sub(1, LONGEST // 3))
  end
  for index, word in ipairs(command and command.argv or {}) do
    command.argv[index] = json.text(word)
  end
  fs.write(path, json.encode { lines = lines, command = command }, { sync = false })
end

--- What is said of a step that was ended for its log.
---@param limit integer MiB
---@return string[]
function failure.of_log(limit)
  return {
    ("error: its log grew over %d MiB, and the step was ended"):format(limit),
    "hint: let its programs say less, or allow more by `--log-limit`",
  }
end

--- The failure that a process wrote; `nil` if there is none, or it is not valid.
---@param path string
---@return bq.StepFailure?
---@return string? problem what is wrong with it
function failure.read(path)
  local ok, found = pcall(schema.read, path, FORMAT)
  if not ok then
    return nil, table.concat(fail.lines(found), "\n")
  end
  return found
end

--- Adds a hint to a failure that has none.
---@param one bq.StepFailure
---@param hint? string
function failure.advise(one, hint)
  for _, line in ipairs(one.lines) do
    hint = not line:find "^hint: " and hint or nil
  end
  if hint then
    one.lines[math.min(#one.lines, MOST - 1) + 1] = "hint: " .. hint
  end
end

--- Iterates over the lines of a file. Long lines are cut.
---@param path string
---@return fun(): string?
local function lines_of(path)
  return coroutine.wrap(function()
    local file <close> = io.open(path, "rb")
    local line = ""
    while file do
      local chunk = file:read(CHUNK)
      if not chunk then
        break
      end
      local at = 1
      while true do
        local stop = chunk:find("\n", at, true)
        line = #line < WIDEST and (line .. chunk:sub(at, (stop or 0) - 1)):sub(1, WIDEST) or line
        if not stop then
          break
        end
        coroutine.yield(line)
        line, at = "", stop + 1
      end
    end
    if line ~= "" then
      coroutine.yield(line)
    end
  end)
end

-- Patterns of lines that are errors, and of lines that may be errors. The second list counts only if the first finds
-- nothing.
local SURE <const> =
  { "error: ", "error:$", "undefined reference", "undefined symbol", "%*%*%*.* Error %d", "multiple definition of" }
local MAYBE <const> =
  { "[Ee]rror:", "[Ee]rror %d", "No such file", "not found", "Permission denied", "cannot ", "[Ff]ailed" }

local function looks_like(line, patterns)
  for _, pattern in ipairs(patterns) do
    if line:find(pattern) then
      return true
    end
  end
  return false
end

---@class bq.LogPart successive lines of a log
---@field first integer the number of the first one
---@field lines string[]

--- Collects parts around the lines that look like errors, in one pass.
local function collector(patterns)
  local parts, recent, open, found = {}, {}, 0, 0
  return parts,
    function(number, line)
      if found < ERRORS and looks_like(line, patterns) then
        found = found + 1
        if open == 0 then
          parts[#parts + 1] = { first = number - #recent, lines = recent }
          recent = {}
        end
        open = AFTER + 1
      end
      if open > 0 then
        open = open - 1
        table.insert(parts[#parts].lines, line)
      else
        recent[#recent + 1] = line
        if #recent > BEFORE then
          table.remove(recent, 1)
        end
      end
    end
end

--- The parts of a log that explain a failure: the first lines that look like an error, with the lines around them, and
--- the last lines. With several jobs, the error is often not in the last lines.
---@param path string
---@param count integer of last lines
---@return bq.LogPart[] # in order; the last one is the end of the log
function failure.excerpt(path, count)
  local sure, see_sure = collector(SURE)
  local maybe, see_maybe = collector(MAYBE)
  local tail, number = {}, 0
  for line in lines_of(path) do
    number = number + 1
    line = json.text(line)
    see_sure(number, line)
    see_maybe(number, line)
    tail[(number - 1) % count + 1] = line
  end
  local last = { first = math.max(1, number - count + 1), lines = {} }
  for index = last.first, number do
    table.insert(last.lines, tail[(index - 1) % count + 1])
  end
  local parts = {}
  for _, part in ipairs(#sure > 0 and sure or maybe) do
    -- Lines that are also at the end of the log are not shown twice.
    local keep = math.min(#part.lines, last.first - part.first)
    if keep > 0 then
      parts[#parts + 1] = { first = part.first, lines = table.move(part.lines, 1, keep, 1, {}) }
    end
  end
  parts[#parts + 1] = #last.lines > 0 and last or nil
  return parts
end

--- How many lines at the end of an excerpt are the failure itself, which is shown below it.
---@param excerpt bq.LogPart[]
---@param lines string[]
---@return integer
function failure.said_again(excerpt, lines)
  local last = #excerpt > 0 and excerpt[#excerpt].lines or {}
  for count = math.min(#last, #lines), 1, -1 do
    local is_same = true
    for index = 1, count do
      is_same = is_same and last[#last - count + index] == lines[index]
    end
    if is_same then
      return count
    end
  end
  return 0
end

return failure
