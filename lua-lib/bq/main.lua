-- The outermost function of every run: runs a script, shows its failure, and returns its exit status.
local events = require "bq.events"
local fail = require "bq.fail"
local log = require "bq.log"
local strict = require "bq.strict"

local EPIPE = 32

--- Shows an error: what failed, the cause, and a hint.
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

--- The exit status if standard output cannot be written. There is no message if its reader has ended, as in `bq … |
--- head`.
local function cannot_write(message, errno)
  if errno ~= EPIPE then
    show(fail.new("cannot write to standard output", { cause = message }))
  end
  return errno == EPIPE and 141 or 1
end

--- `print` as in `lua`, but it ends the program if the output cannot be written.
local function print_or_end(...)
  local words = table.pack(...)
  for index = 1, words.n do
    words[index] = tostring(words[index])
  end
  ---@type any, string?, integer?
  local ok, message, errno = io.stdout:write(table.concat(words, "\t"), "\n")
  if ok then
    ok, message, errno = io.stdout:flush()
  end
  if not ok then
    os.exit(cannot_write(message, errno))
  end
end

---@param text string the script
---@param name string of its chunk
---@param want_traceback boolean
---@return integer status
local function main(text, name, want_traceback, ...)
  print = print_or_end
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
  local written = table.pack(io.stdout:flush()) ---@type table<integer|string, any>
  local status = 0
  if ok then
    status = written[1] and 0 or cannot_write(written[2], written[3])
  elseif fail.is_exit(result) then
    status = result.status
  else
    show(result, trace)
    events.failed(fail.lines(result))
    status = type(result) == "table" and rawget(result, "status") or 1
  end
  events.finish(status)
  return status
end

return main
