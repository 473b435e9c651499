-- Failures for users: what failed, the cause, and a hint what to do.
local tables = require "bq.tables"

---@class bq.Failure
---@field message string what we could not do
---@field cause? any what the kernel, server or tool said: text, a native's error, or another failure
---@field hint? string one thing to do, with the exact command
---@field notes? string[] further lines, shown between cause and hint
---@field status? integer exit status, 1 if absent; 2 for usage
---@field command? { argv: string[], cwd: string, code?: integer, signal?: string } of a step, which failed
local Failure = { __name = "bq.failure" }
Failure.__index = Failure

local Exit = { __name = "bq.exit" }

local fail = {}

--- Makes a failure without raising it.
---@param message string
---@param options? { cause?: any, hint?: string, notes?: string[], status?: integer }
---@return bq.Failure
function fail.new(message, options)
  local failure = { message = message }
  for key, value in pairs(options or {}) do
    failure[key] = value
  end
  return setmetatable(failure, Failure)
end

--- Raises a failure.
---@param message string
---@param options? { cause?: any, hint?: string, notes?: string[], status?: integer }
---@return never
function fail.raise(message, options)
  error(fail.new(message, options), 0)
end

--- Raises a failure of the command line: exit status 2.
---@param message string
---@param hint? string
---@return never
function fail.usage(message, hint)
  error(fail.new(message, { hint = hint, status = 2 }), 0)
end

--- Ends the program from anywhere. Unlike `os.exit`, it runs all cleanups.
---@param status integer
function fail.exit(status)
  error(setmetatable({ status = status }, Exit), 0)
end

---@param err any
---@return boolean
function fail.is_exit(err)
  return getmetatable(err) == Exit
end

--- Whether an error comes from the user's input or the machine, and is not a bug in a script.
---@param err any
---@return boolean
function fail.is_expected(err)
  local meta = getmetatable(err)
  if meta == Failure or meta == Exit then
    return true
  end
  return type(meta) == "table" and meta.__name == "bq.error" and err.code ~= "argument" and err.code ~= "panic"
end

--- Calls a function. An error that it raises becomes the cause of a failure.
---@param message string
---@param options? { hint?: string, notes?: string[] }
---@param body function
---@return any ...
function fail.wrap(message, options, body, ...)
  local results = table.pack(pcall(body, ...)) ---@type table<integer|string, any>
  if results[1] then
    return table.unpack(results, 2, results.n)
  end
  local cause = results[2]
  if fail.is_exit(cause) or not fail.is_expected(cause) then
    error(cause, 0)
  end
  local failure = fail.new(message, options)
  failure.cause = cause
  error(failure, 0)
end

--- The lines that show an error to a person.
---@param err any
---@return string[]
function fail.lines(err)
  local lines, notes, hint = {}, {}, nil
  local word = "error"
  local current = err == nil and "nil" or err
  while current ~= nil do
    local text
    if getmetatable(current) == Failure then
      text = current.message
      for _, note in ipairs(current.notes or {}) do
        notes[#notes + 1] = note
      end
      -- The innermost hint is the most exact.
      hint = current.hint or hint
    else
      text = tostring(current)
    end
    lines[#lines + 1] = word .. ": " .. text
    word = "caused by"
    current = getmetatable(current) == Failure and current.cause or nil
  end
  tables.append(lines, notes)
  if hint then
    lines[#lines + 1] = "hint: " .. hint
  end
  return lines
end

function Failure:__tostring()
  return table.concat(fail.lines(self), "\n")
end

return fail
