-- Calls of a server of the Remote Execution API: how long they may take, and what is tried again.
--
--   local calls = calls.new(place, access)
--   local answers = calls:run { { method = requests.GET_RESULT, send = request } }
local grpc = require "bq.grpc"
local process = require "bq.process"

local calls = {}

-- A cache in the same building answers in milliseconds, one far away in less than a second. Who is slower than this is left out,
-- since the build can go on without it. Seconds.
local CONNECT <const>, DEADLINE <const>, STALL <const> = 5, 10, 15
-- A connection on which nothing comes for this long is asked whether it is there.
local KEEP_ALIVE <const> = 30
-- What carries content may take longer: a second more for so many bytes.
local SLOWEST <const> = 32 << 10
-- How many calls are open at once. Most servers take 100.
local JOBS <const> = 100
-- How often a call is tried again, and how often one that got further each time.
local RETRIES <const>, MOST <const> = 3, 50
-- The pause before it is tried again doubles from the first to the longest, less a random part, in seconds.
local FIRST <const>, LONGEST <const> = 0.25, 4

-- The codes of gRPC, from 0.
local NAMES <const> = {
  [0] = "OK",
  "CANCELLED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED",
}
--- Those that are looked at.
calls.OK, calls.CANCELLED, calls.INVALID_ARGUMENT, calls.DEADLINE_EXCEEDED, calls.NOT_FOUND = 0, 1, 3, 4, 5
calls.ALREADY_EXISTS, calls.RESOURCE_EXHAUSTED, calls.FAILED_PRECONDITION, calls.ABORTED = 6, 8, 9, 10
calls.OUT_OF_RANGE, calls.UNIMPLEMENTED, calls.INTERNAL, calls.UNAVAILABLE = 11, 12, 13, 14

-- What may be better a moment later.
local LATER <const> = {
  [calls.UNAVAILABLE] = true,
  [calls.RESOURCE_EXHAUSTED] = true,
  [calls.ABORTED] = true,
}
-- What says that a server cannot be used now; other codes answer a request for good.
local DOWN <const> = {
  [calls.UNAVAILABLE] = true,
  [calls.DEADLINE_EXCEEDED] = true,
  [calls.CANCELLED] = true,
  [calls.ABORTED] = true,
}

-- What a server says of a blob that is too large for it. It says so of other things, too: of no blob that is smaller than this.
local TOO_LARGE <const> = {
  [calls.INVALID_ARGUMENT] = true,
  [calls.RESOURCE_EXHAUSTED] = true,
  [calls.OUT_OF_RANGE] = true,
}
local NOT_LARGE <const> = 64 << 10

---@class bq.share.One
---@field method string
---@field send? string|(fun(): string?)
---@field receive? fun(message: string): boolean?
---@field bytes? integer of its content: the more, the longer it may take
---@field deadline? number seconds, of what takes its time
---@field make? fun(self: bq.share.One) sets `send` and `receive` before each attempt
---@field has_moved? boolean the last attempt got further, so it does not count

---@class bq.share.Calls
---@field connection bq.grpc.Connection
local Calls = {}
Calls.__index = Calls

--- A server. It is connected to when it is called.
---@param place { host: string, port: integer, tls: boolean }
---@param access { headers: string[], tls: { ca?: string, cert?: string, key?: string } }
---@return bq.share.Calls
function calls.new(place, access)
  return setmetatable({
    connection = grpc.connection {
      host = place.host,
      port = place.port,
      tls = place.tls,
      ca = access.tls.ca,
      cert = access.tls.cert,
      key = access.tls.key,
      headers = access.headers,
      connect_timeout = CONNECT,
      keep_alive = KEEP_ALIVE,
    },
  }, Calls)
end

--- Waits before another attempt, longer after each failure. The random part keeps clients apart.
---@param failures integer
function calls.wait(failures)
  local longest = math.min(FIRST * 2 ^ (failures - 1), LONGEST)
  process.wait_any { timeout = longest * (0.5 + math.random() / 2) }
end

--- Whether it may be better a moment later.
---@param answer bq.grpc.Answer
---@return boolean
function calls.is_passing(answer)
  return answer.status ~= calls.OK and (answer.is_lost or LATER[answer.status] or false)
end

--- Makes calls once.
---@param list bq.share.One[]
---@param jobs? integer at once
---@return bq.grpc.Answer[] # in the order of the calls
function Calls:once(list, jobs)
  jobs = jobs or JOBS
  local all = {}
  for index, one in ipairs(list) do
    if one.make then
      one:make()
    end
    local size = one.bytes or 0
    all[index] = {
      method = one.method,
      send = one.send,
      receive = one.receive,
      -- The others that are open carry content, too.
      deadline = one.deadline or DEADLINE + size * math.min(jobs, #list) // SLOWEST,
      stall = size > 0 and STALL or nil,
    }
  end
  return grpc.exchange(self.connection, { calls = all, jobs = jobs })
end

--- Makes calls, and again those that may be better a moment later.
---@param list bq.share.One[]
---@param jobs? integer at once
---@return bq.grpc.Answer[] # in the order of the calls
function Calls:run(list, jobs)
  local answers, places, failures = {}, {}, 0 ---@type table<integer, bq.grpc.Answer>, table<integer, integer>, integer
  for index in ipairs(list) do
    places[index] = index
  end
  local left = list
  for _ = 1, MOST do
    local again, again_places, has_moved = {}, {}, false ---@type bq.share.One[], table<integer, integer>, boolean
    for index, answer in ipairs(self:once(left, jobs)) do
      local place = places[index] --[[@as integer]]
      answers[place] = answer
      if calls.is_passing(answer) then
        again[#again + 1], again_places[#again + 1] = list[place], place
        has_moved = has_moved or list[place].has_moved or false
      end
    end
    failures = has_moved and 1 or failures + 1
    if #again == 0 or failures > RETRIES then
      break
    end
    left, places = again, again_places
    calls.wait(failures)
  end
  return answers --[[@as bq.grpc.Answer[] ]]
end

--- Makes one call once.
---@param one bq.share.One
---@return bq.grpc.Answer
function Calls:try(one)
  return self:once({ one })[1] --[[@as bq.grpc.Answer]]
end

--- What went wrong, for people.
---@param answer { status: integer, message: string }
---@return string
function calls.text(answer)
  local code = NAMES[answer.status] or tostring(answer.status)
  return answer.message == "" and code or ("%s: %s"):format(code, answer.message)
end

--- The trouble that an answer is, if it is one.
---@param answer { status: integer, message: string, is_lost?: boolean }
---@param is_write? boolean a refusal only says that nothing can be written
---@return bq.share.Trouble?
function calls.trouble(answer, is_write)
  if answer.status == calls.OK then
    return nil
  end
  local is_down = not is_write or answer.is_lost or DOWN[answer.status]
  return { kind = is_down and "down" or "refused", text = calls.text(answer) }
end

--- Whether an answer says that what was written is too large.
---@param answer { status: integer, is_lost?: boolean }
---@param size integer of what was written
---@return boolean
function calls.is_of_size(answer, size)
  return size >= NOT_LARGE and not answer.is_lost and TOO_LARGE[answer.status] or false
end

--- The trouble that the answer to a blob is, if it is one.
---@param answer { status: integer, message: string, is_lost?: boolean }
---@param size integer of the blob
---@return bq.share.Trouble?
function calls.trouble_of_blob(answer, size)
  local trouble = calls.trouble(answer, true)
  if trouble and calls.is_of_size(answer, size) then
    trouble.kind, trouble.size = "large", size
  end
  return trouble
end

return calls
