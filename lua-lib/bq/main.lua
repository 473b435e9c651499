-- Runs a script to its exit status, and shows what a failure was: the outermost frame of every run.
local fail = require "bq.fail"
local log = require "bq.log"
local strict = require "bq.strict"

--- Shows an error: what could not be done, what caused it, one thing to do.
---@param err any what was raised
---@param traceback? string shown for bugs, and when asked for
local function show(err, traceback)
  for _, line in ipairs(fail.lines(err)) do
    log.raw(line)
  end
  if traceback then
    log.raw(traceback)
  end
end

---@param text string the script
---@param name string of its chunk
---@param want_traceback boolean
---@return integer status
local function main(text, name, want_traceback, ...)
  strict()
  local chunk, message = load(text, name, "t")
  if not chunk then
    show(fail.new("the script has a syntax error", { cause = message }))
    return 1
  end
  local trace
  local ok, result = xpcall(chunk, function(err)
    if want_traceback or not fail.is_expected(err) then
      trace = debug.traceback(nil, 2)
    end
    return err
  end, ...)
  io.stdout:flush()
  if ok then
    return 0
  end
  if fail.is_exit(result) then
    return result.status
  end
  show(result, trace)
  return type(result) == "table" and rawget(result, "status") or 1
end

return main
