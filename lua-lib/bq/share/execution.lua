-- The execution of an action by the workers of a server: asked for, waited for over lost streams, and cancelled.
local calls = require "bq.share.calls"
local requests = require "bq.share.requests"

local execution = {}

-- The longest that a stream is heard, in seconds. Whether the server is there is asked on the way, and a stream that ends is asked for
-- again.
local LONGEST <const> = 7 * 24 * 3600
-- How often a call is tried again that brings nothing.
local RETRIES <const> = 5

---@class bq.share.Outcome
---@field result? string the action result
---@field is_cached? boolean it is that of an earlier action
---@field trouble? string why there is none
---@field lacks_blobs? boolean it may be that something of the action is not on the server any more
---@field is_refused? boolean the server does not do such an action

-- Codes with which servers say that something of the action is not there.
local LACKS <const> = { [calls.INTERNAL] = true, [calls.NOT_FOUND] = true, [calls.FAILED_PRECONDITION] = true }

--- Ends an action; the server need not know how.
---@param all bq.share.Calls
---@param operation string its name
function execution.cancel(all, operation)
  all:try { method = requests.CANCEL, send = requests.operation(operation) }
end

--- Hears a stream to its end.
---@return bq.grpc.Answer
---@return bq.share.Operation? last
---@return string? broken why an answer cannot be read
local function hear(all, method, request, heard)
  local last, broken
  local answer = all:try {
    method = method,
    send = request,
    deadline = LONGEST,
    receive = function(text)
      local ok, found = pcall(requests.read_operation, text)
      if not ok then
        broken = tostring(found)
        return false
      end
      last = found
      heard(found)
      return not found.is_done
    end,
  }
  return answer, last, broken
end

--- What a failure is.
local function trouble(answer)
  return {
    trouble = calls.text(answer),
    lacks_blobs = LACKS[answer.status],
    is_refused = answer.status == calls.FAILED_PRECONDITION or answer.status == calls.INVALID_ARGUMENT,
  }
end

--- What an operation that is done has brought.
local function outcome(operation)
  if operation.status ~= calls.OK then
    return trouble(operation)
  elseif not operation.result then
    return { trouble = "it says that the action is done, and gives no result" }
  end
  return { result = operation.result, is_cached = operation.is_cached }
end

--- Has an action done.
---@param all bq.share.Calls
---@param instance string
---@param action bq.share.Digest
---@param is_anew boolean not by an earlier result
---@param heard fun(operation: bq.share.Operation) called whenever the server says something
---@return bq.share.Outcome
function execution.run(all, instance, action, is_anew, heard)
  local name, failures = nil, 0 ---@type string?, integer
  while true do
    local method = name and requests.WAIT or requests.EXECUTE
    local request = name and requests.operation(name) or requests.execute(instance, action, is_anew)
    local answer, last, broken = hear(all, method, request, heard)
    if broken then
      return { trouble = broken }
    elseif last and last.is_done then
      return outcome(last)
    elseif last then
      name, failures = last.name ~= "" and last.name or nil, 0
    end
    local is_unknown = name and (answer.status == calls.NOT_FOUND or answer.status == calls.UNIMPLEMENTED)
    local is_passing = answer.status == calls.OK or answer.status == calls.DEADLINE_EXCEEDED or calls.is_passing(answer)
    failures = failures + 1
    if not (is_unknown or is_passing) or failures > RETRIES then
      return answer.status == calls.OK and { trouble = "it ends its answer before the action is done" }
        or trouble(answer)
    elseif is_unknown then
      -- It is asked for again: a server joins it with the one that runs.
      name = nil
    end
    calls.wait(failures)
  end
end

return execution
