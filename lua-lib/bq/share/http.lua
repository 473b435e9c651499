-- A plain HTTP cache: results at `URL/ac/HASH`, blobs at `URL/cas/HASH`, by GET, HEAD and PUT.
local fail = require "bq.fail"
local fetch = require "bq.fetch"
local message = require "bq.share.message"

local http = {}

-- How many requests are open at once.
local JOBS <const> = 16
-- A cache in the same building answers in milliseconds, one far away in less than a second. Who is slower than this is left out,
-- since the build can go on without it. Seconds.
local CONNECT <const>, STALL <const> = 5, 15
-- How often a request is tried again after no answer or an answer that says "later".
local RETRIES <const> = 2
-- The answer to a blob that is too large.
local TOO_LARGE <const> = 413

---@class bq.share.Http: bq.share.Transport
---@field url string
---@field headers string[]
---@field tls { ca?: string, cert?: string, key?: string } texts in PEM
local Http = {}
Http.__index = Http

--- A cache at an address.
---@param url string
---@param access { headers: string[], tls: { ca?: string, cert?: string, key?: string } }
---@return bq.share.Http
function http.new(url, access)
  return setmetatable(
    { url = url:gsub("/+$", ""), name = fetch.shown(url), headers = access.headers, tls = access.tls },
    Http
  )
end

--- Sends requests; the answers, and the first trouble with the cache itself.
---@param requests table[] with `method`, `kind`, `hash` and what the method needs
---@param sizes? integer[] bytes of what they carry
---@return table[]
---@return bq.share.Trouble?
local function send(self, requests, sizes)
  for _, one in ipairs(requests) do
    one.url = ("%s/%s/%s"):format(self.url, one.kind, one.hash)
    one.kind, one.hash, one.headers = nil, nil, self.headers
  end
  local answers = fetch.exchange {
    requests = requests,
    jobs = JOBS,
    retries = RETRIES,
    connect_timeout = CONNECT,
    stall_timeout = STALL,
    ca = self.tls.ca,
    cert = self.tls.cert,
    key = self.tls.key,
  }
  local trouble
  for index, answer in ipairs(answers) do
    local status = answer.status
    if not status then
      -- An error of this machine is none of the cache.
      if answer.is_local then
        fail.raise(("cannot keep what `%s` sent"):format(self.name), { cause = answer.message })
      end
      trouble = trouble or { kind = "down", text = answer.message }
    elseif requests[index].method == "PUT" and status == TOO_LARGE then
      trouble = trouble or { kind = "large", text = answer.message, size = sizes and sizes[index] }
    elseif requests[index].method == "PUT" and (status < 200 or status > 299) then
      trouble = trouble or { kind = "refused", text = answer.message }
    elseif status ~= 404 and status ~= 410 and (status < 200 or status > 299) then
      trouble = trouble or { kind = "down", text = answer.message }
    end
  end
  return answers, trouble
end

--- The texts of results.
---@param actions bq.share.Digest[]
---@return table<string, string> # by hash
---@return bq.share.Trouble?
function Http:results(actions)
  local requests, out = {}, {}
  for index, action in ipairs(actions) do
    requests[index] = { method = "GET", kind = "ac", hash = action.hash, max_size = message.LARGEST }
  end
  local answers, trouble = send(self, requests)
  for index, answer in ipairs(answers) do
    out[actions[index].hash] = answer.status == 200 and answer.body or nil
  end
  return out, trouble
end

--- Blobs as files.
---@param blobs bq.share.Digest[]
---@param into string a folder for them
---@return table<string, string> # paths by hash, of those that came
---@return bq.share.Trouble?
function Http:fetch(blobs, into)
  local requests, out = {}, {}
  for index, blob in ipairs(blobs) do
    local path = ("%s/%s"):format(into, blob.hash)
    requests[index] = { method = "GET", kind = "cas", hash = blob.hash, path = path, max_size = blob.size }
  end
  local answers, trouble = send(self, requests)
  for index, answer in ipairs(answers) do
    local hash = blobs[index].hash
    out[hash] = answer.status == 200 and ("%s/%s"):format(into, hash) or nil
  end
  return out, trouble
end

--- Whether the cache takes anything is seen when it is written to.
---@return boolean
function Http:may_write()
  return true
end

--- Which of these are there.
local function heads(self, blobs)
  local requests = {}
  for index, blob in ipairs(blobs) do
    requests[index] = { method = "HEAD", kind = "cas", hash = blob.hash }
  end
  return send(self, requests)
end

--- Whether all of these are there. The empty blob always is, for servers of the Remote Execution API.
---@param blobs bq.share.Digest[]
---@return boolean
function Http:has(blobs)
  local answers = heads(self, blobs)
  for index, blob in ipairs(blobs) do
    if blob.size > 0 and answers[index].status ~= 200 then
      return false
    end
  end
  return true
end

--- Writes blobs that are not there.
---@param blobs bq.share.Blob[]
---@param again? boolean those that are there may be wrong, so they are written, too
---@return integer? bytes that were written; `nil` if it failed
---@return bq.share.Trouble?
function Http:upload(blobs, again)
  local digests, puts, sizes, bytes = {}, {}, {}, 0
  for index, blob in ipairs(blobs) do
    digests[index] = blob.digest
  end
  local there, trouble = {}, nil
  if not again then
    there, trouble = heads(self, digests)
  end
  for index, blob in ipairs(trouble and {} or blobs) do
    if blob.digest.size > 0 and not (there[index] and there[index].status == 200) then
      local put = { method = "PUT", kind = "cas", hash = blob.digest.hash, path = blob.path, body = blob.text }
      puts[#puts + 1], sizes[#puts + 1] = put, blob.digest.size
      bytes = bytes + blob.digest.size
    end
  end
  if not trouble and #puts > 0 then
    local _, failed = send(self, puts, sizes)
    trouble = failed
  end
  return not trouble and bytes or nil, trouble
end

--- Writes a result. All its blobs are there.
---@param action bq.share.Digest
---@param text string
---@return bq.share.Trouble?
function Http:publish(action, text)
  local _, trouble = send(self, { { method = "PUT", kind = "ac", hash = action.hash, body = text } })
  return trouble
end

return http
