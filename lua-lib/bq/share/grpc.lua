-- A cache that speaks the Remote Execution API over gRPC: its action cache and its content-addressed storage.
local batches = require "bq.share.batches"
local calls = require "bq.share.calls"
local fail = require "bq.fail"
local fs = require "bq.fs"
local message = require "bq.share.message"
local requests = require "bq.share.requests"
local streams = require "bq.share.streams"

local grpc = {}

-- The file of a result whose content should be in the result itself, so that a look-up is one call.
local INLINE <const> = "meta.json"
-- A message has at most this many bytes, less some for what is not content. Servers may want less.
local BATCH <const>, RESERVE <const> = 3 << 20, 64 << 10
-- Words that the API has in names of its own, so no part of the name of an instance.
local RESERVED <const> = {
  blobs = true,
  uploads = true,
  actions = true,
  actionResults = true,
  operations = true,
  capabilities = true,
  ["compressed-blobs"] = true,
}

---@class bq.share.Grpc: bq.share.Transport
---@field instance string
---@field calls bq.share.Calls
---@field can? bq.share.Capabilities what the server can do; `nil` until it was asked
---@field streams? bq.share.Streams
---@field batches? bq.share.Batches
local Grpc = {}
Grpc.__index = Grpc

---@class bq.share.Address
---@field host string
---@field port integer
---@field tls boolean
---@field instance string

--- The parts of an address: `grpc://HOST:PORT[/INSTANCE]`; `grpcs://` may have no port.
---@param url string
---@return bq.share.Address? # `nil` if it is none
function grpc.parse(url)
  local tls, rest = url:match "^grpc(s?)://(.+)$"
  local authority, instance = (rest or ""):match "^([^/]*)/*(.-)/*$" ---@type string, string
  local host, port = authority:match "^%[([%x:.]+)%](.*)$"
  if not host then
    host, port = authority:match "^([%w._-]+)(.*)$"
  end
  local number = math.tointeger(tonumber((port or ""):match "^:(%d+)$"))
  number = number or tls == "s" and port == "" and 443 or nil
  if not host or not number or number > 65535 or instance:find "[^%w%-._~/+@]" then
    return nil
  end
  for part in instance:gmatch "[^/]+" do
    if RESERVED[part] then
      return nil
    end
  end
  return { host = host, port = number, tls = tls == "s", instance = instance }
end

--- A cache at an address that `parse` knows.
---@param url string
---@param access { headers: string[], tls: { ca?: string, cert?: string, key?: string } }
---@return bq.share.Grpc
function grpc.new(url, access)
  local place = grpc.parse(url) or fail.raise(("`%s` is no address"):format(url))
  return setmetatable({
    name = url:gsub("/+$", ""),
    instance = place.instance,
    calls = calls.new(place, access),
  }, Grpc)
end

--- Asks once what the server can do.
---@return bq.share.Trouble?
local function prepare(self)
  if self.can then
    return nil
  end
  local request = { method = requests.CAPABILITIES, send = requests.capabilities(self.instance) }
  local answer = self.calls:run({ request })[1]
  local can
  if answer.status == calls.OK then
    local ok, found = pcall(requests.read_capabilities, answer.reply)
    if not ok then
      return { kind = "down", text = tostring(found) }
    end
    can = found
  elseif answer.status == calls.UNIMPLEMENTED and not answer.is_lost then
    -- Old servers cannot say it.
    can = { has_sha256 = true, batch = 0, largest = 0, has_zstd = false }
  else
    return calls.trouble(answer)
  end
  if not can.has_sha256 then
    return { kind = "down", text = "it keeps no blobs by their SHA-256" }
  end
  local most = can.batch > 0 and math.min(can.batch, BATCH) or BATCH
  self.batches = batches.new(self.calls, self.instance, most - RESERVE)
  self.streams = streams.new(self.calls, self.instance, can.has_zstd)
  self.can = can
end

--- The texts of results.
---@param actions bq.share.Digest[]
---@return table<string, string> # by hash
---@return bq.share.Trouble?
function Grpc:results(actions)
  local out, list, trouble = {}, {}, prepare(self)
  for index, action in ipairs(trouble and {} or actions) do
    list[index] = { method = requests.GET_RESULT, send = requests.get_result(self.instance, action, INLINE) }
  end
  for index, answer in ipairs(#list > 0 and self.calls:run(list) or {}) do
    if answer.status == calls.OK then
      out[actions[index].hash] = answer.reply
    elseif answer.status ~= calls.NOT_FOUND then
      trouble = trouble or calls.trouble(answer)
    end
  end
  return out, trouble
end

--- Blobs as files.
---@param blobs bq.share.Digest[]
---@param into string a folder for them
---@return table<string, string> # paths by hash, of those that came
---@return bq.share.Trouble?
function Grpc:fetch(blobs, into)
  local trouble = prepare(self)
  if trouble then
    return {}, trouble
  end
  local function path(blob)
    return ("%s/%s"):format(into, blob.hash)
  end
  local small, large, seen, out = {}, {}, {}, {} ---@type bq.share.Digest[], bq.share.Digest[], table, table
  for _, blob in ipairs(blobs) do
    if not seen[blob.hash] then
      seen[blob.hash] = true
      table.insert(self.batches:fits(blob) and small or large, blob)
    end
  end
  local parts
  parts, trouble = self.batches:read(small)
  if trouble then
    return {}, trouble
  end
  for _, blob in ipairs(small) do
    local part = parts[blob.hash]
    if part and part.status == calls.OK then
      fs.write(path(blob), part.data, { sync = false })
      out[blob.hash] = path(blob)
    elseif not part or part.status ~= calls.NOT_FOUND then
      large[#large + 1] = blob
    end
  end
  local read
  read, trouble = self.streams:read(large, path)
  for hash, file in pairs(read) do
    out[hash] = file
  end
  return out, trouble
end

--- Whether the cache takes anything is seen when it is written to.
---@return boolean
function Grpc:may_write()
  return true
end

--- Which of these are not there.
---@param blobs bq.share.Digest[]
---@return table<string, true>? # by hash
---@return bq.share.Trouble?
function Grpc:missing(blobs)
  local trouble = prepare(self)
  if trouble then
    return nil, trouble
  end
  return self.batches:missing(blobs)
end

--- Whether all of these are there.
---@param blobs bq.share.Digest[]
---@return boolean
function Grpc:has(blobs)
  local not_there = self:missing(blobs)
  return not_there and next(not_there) == nil or false
end

--- Writes blobs of a result that are not there.
---@param blobs bq.share.Blob[]
---@param again? boolean those that are there may be wrong, so they are written, too
---@return integer? bytes that were written; `nil` if it failed
---@return bq.share.Trouble?
function Grpc:upload(blobs, again)
  local trouble = prepare(self)
  if trouble then
    return nil, trouble
  elseif self.can.takes_results == false then
    return nil, { kind = "refused", text = "it says that it takes no results" }
  end
  return self:store(blobs, again)
end

--- Whether it has workers. Old servers do not say it.
---@return boolean
---@return bq.share.Trouble?
function Grpc:executes()
  local trouble = prepare(self)
  return not trouble and self.can.executes ~= false, trouble
end

--- Writes blobs that are not there.
---@param blobs bq.share.Blob[]
---@param again? boolean those that are there may be wrong, so they are written, too
---@return integer? bytes that were written; `nil` if it failed
---@return bq.share.Trouble?
function Grpc:store(blobs, again)
  local trouble = prepare(self)
  if trouble then
    return nil, trouble
  end
  local digests, wanted = {}, nil
  for index, blob in ipairs(blobs) do
    digests[index] = blob.digest
  end
  if not again then
    wanted, trouble = self.batches:missing(digests)
    if trouble then
      return nil, trouble
    end
  end
  local small, large, seen, bytes = {}, {}, {}, 0
  for _, blob in ipairs(blobs) do
    local digest = blob.digest
    local is_wanted = digest.size > 0 and not seen[digest.hash] and (not wanted or wanted[digest.hash])
    seen[digest.hash] = true
    if is_wanted and self.can.largest > 0 and digest.size > self.can.largest then
      local text = ("it takes no blob of more than %d bytes"):format(self.can.largest)
      return nil, { kind = "large", text = text, size = self.can.largest + 1 }
    elseif is_wanted then
      table.insert(self.batches:fits(digest) and small or large, blob)
    end
    bytes = bytes + (is_wanted and digest.size or 0)
  end
  local later = {}
  if #small > 0 then
    trouble, later = self.batches:write(small)
  end
  -- A stream tries again what a batch did not take.
  for _, blob in ipairs(small) do
    large[#large + 1] = later[blob.digest.hash] and blob or nil
  end
  for _, blob in ipairs(trouble and {} or large) do
    trouble = trouble or self.streams:write(blob)
  end
  return not trouble and bytes or nil, trouble
end

--- Writes a result. All its blobs are there.
---@param action bq.share.Digest
---@param text string
---@return bq.share.Trouble?
function Grpc:publish(action, text)
  if #text > message.LARGEST - RESERVE then
    return nil
  end
  local request = requests.update_result(self.instance, action, text)
  local answers = self.calls:run { { method = requests.UPDATE_RESULT, send = request, bytes = #request } }
  local answer = answers[1] --[[@as bq.grpc.Answer]]
  local trouble = calls.trouble(answer, true)
  if trouble then
    trouble.lacks_blobs = answer.status == calls.FAILED_PRECONDITION or answer.status == calls.NOT_FOUND
  end
  return trouble
end

return grpc
