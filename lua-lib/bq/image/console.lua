-- Talks to a machine over its serial console: waits for texts and types lines until all steps are done or the machine is off.
local fail = require "bq.fail"
local files = require "bq.files"
local process = require "bq.process"
local syscall = require "bq.syscall"

local console = {}

-- How often the output is checked, in seconds.
local POLL <const> = 0.1
-- How much an error message shows: lines of output, bytes of a text.
local SHOWN <const> = 15
local SHOWN_TEXT <const> = 60

---@class bq.image.Talk
---@field argv string[] of a machine whose serial console is its standard input and output
---@field serial string a file that takes all that it says
---@field steps bq.image.Step[] one after the other
---@field timeout number seconds, for all of it

---@class bq.image.Step
---@field wait? string|bq.image.Wait a text to wait for
---@field what? string what a function waits for, in words
---@field saw? fun(text: string): boolean? is told what was said before it; if it answers `false`, this was the last step
---@field send? string a line to type

--- Where what is waited for begins and ends; `nil` if it was not said yet.
---@alias bq.image.Wait fun(text: string, at: integer, quiet: number): (first: integer?, last: integer?) quiet: for how many seconds nothing more was said

--- The output without escape sequences and carriage returns.
---@param text string
---@return string
function console.readable(text)
  return (text:gsub("\27%[[%d;?]*[%a]", ""):gsub("\27[=>%(%)].?", ""):gsub("\r", ""))
end

local function fail_with(message, text, cause, path)
  local lines = {}
  for line in console.readable(text):gmatch "[^\n]+" do
    lines[#lines + 1] = "  | " .. line
  end
  fail.raise(message, {
    cause = cause,
    notes = table.move(lines, math.max(1, #lines - SHOWN + 1), #lines, 1, {}),
    hint = ("its output is in `%s`"):format(path),
  })
end

--- A text, shortened for a message.
local function brief(text)
  return #text > SHOWN_TEXT and text:sub(1, SHOWN_TEXT) .. "…" or text
end

--- What a step waits for or types, in words: it did not say this, or ended before it said this.
local function missing(step, say, take)
  if step.wait then
    return ("%s %s"):format(say, step.what or ("`%s`"):format(step.wait))
  end
  return ("%s all of `%s`"):format(take, brief(step.send))
end

local function find(step, text, at, quiet)
  if type(step.wait) == "function" then
    return step.wait(text, at, quiet)
  end
  return text:find(step.wait, at, true)
end

--- Writes as much of a text as the machine accepts without waiting.
---@return string rest what it did not take yet
local function type_some(fd, text)
  while #text > 0 do
    local ok, written = pcall(syscall.write, fd, text)
    if ok then
      text = text:sub(written + 1)
    elseif written.code == "EAGAIN" or written.code == "EPIPE" then
      -- The buffer is full, or the machine has ended; the caller notices the end.
      return text
    else
      error(written, 0)
    end
  end
  return text
end

--- Runs a machine and goes through the steps. If the last step waits for a text, the machine is killed after it. If the last
--- step types, the machine is expected to end by itself.
---@param talk bq.image.Talk
---@return { off: boolean, seconds: number } off: it ended by itself
function console.run(talk)
  local reader, writer = table.unpack(syscall.pipe())
  local started = process.clock()
  local pid = process.spawn {
    argv = talk.argv,
    stdin = reader,
    stdout = { talk.serial },
    stderr = "stdout",
    session = true,
    die_with_parent = true,
  }
  syscall.close(reader)
  -- A machine that does not read its input must not block the timeout.
  syscall.set_nonblocking(writer)
  process.catch_signals { "INT", "TERM", "HUP" }
  local at, index, ended = 1, 1, nil
  local rest -- of the text that is typed now
  local before, moment = 0, started
  --- All that was said, and for how long nothing more was.
  local function said()
    local text, now = files.read(talk.serial) or "", process.clock()
    if #text ~= before then
      before, moment = #text, now
    end
    return text, now - moment
  end
  local function stop()
    if not ended then
      process.kill(pid, "KILL")
      ended = process.wait_any()
    end
  end
  local ok, err = pcall(function()
    while true do
      local step, text, quiet = talk.steps[index], said()
      if step and step.wait then
        local first, last = find(step, text, at, quiet)
        if first then
          local goes_on = not step.saw or step.saw(text:sub(at, first - 1))
          at, index = last + 1, index + 1
          if goes_on == false then
            return
          end
          goto continue
        end
      elseif step then
        rest = type_some(writer, rest or step.send .. "\n")
        if rest == "" then
          rest, index = nil, index + 1
          goto continue
        end
      elseif #talk.steps > 0 and talk.steps[#talk.steps].wait then
        return
      end
      if ended then
        if step then
          fail_with(
            "the machine ended before it " .. missing(step, "said", "took"),
            text,
            ended.signal and "signal " .. ended.signal or "status " .. ended.code,
            talk.serial
          )
        elseif not ended.ok then
          fail_with(
            "the machine ended badly",
            text,
            ended.signal and "signal " .. ended.signal or "status " .. ended.code,
            talk.serial
          )
        end
        return
      elseif process.clock() - started > talk.timeout then
        local what = step and "it did not " .. missing(step, "say", "take") or "it is not off"
        fail_with(("the machine took longer than %d s"):format(talk.timeout), text, what, talk.serial)
      end
      local status = process.wait_any { timeout = POLL }
      if status and status.caught then
        fail.raise("stopped", { cause = "signal " .. status.caught, status = 130 })
      end
      ended = ended or status
      ::continue::
    end
  end)
  local off = ended ~= nil
  stop()
  syscall.close(writer)
  if not ok then
    error(err, 0)
  end
  return { off = off, seconds = process.clock() - started }
end

return console
