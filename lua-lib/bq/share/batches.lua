-- Blobs that fit into batches: which are missing, and many of them read or written by one call.
local calls = require "bq.share.calls"
local fs = require "bq.fs"
local requests = require "bq.share.requests"

local batches = {}

-- What a blob of a batch has besides its content, at most: its digest, a status, tags and lengths.
local OVERHEAD <const> = 512
-- How many digests are asked for in a call, which has some hundreds of KiB then, and how many batches are open at once.
local DIGESTS <const>, JOBS <const> = 10000, 4

---@class bq.share.Batches
---@field calls bq.share.Calls
---@field instance string
---@field limit integer the most bytes of a batch
local Batches = {}
Batches.__index = Batches

---@param all bq.share.Calls
---@param instance string
---@param limit integer the most bytes of a batch
---@return bq.share.Batches
function batches.new(all, instance, limit)
  return setmetatable({ calls = all, instance = instance, limit = limit }, Batches)
end

--- Whether a blob can be in a batch.
---@param blob bq.share.Digest
---@return boolean
function Batches:fits(blob)
  return blob.size + OVERHEAD <= self.limit
end

--- The first trouble of a list of answers.
local function first_trouble(answers, is_write)
  for _, answer in ipairs(answers) do
    local trouble = calls.trouble(answer, is_write)
    if trouble then
      return trouble
    end
  end
end

--- Reads an answer. One that is no such message is trouble with the server.
---@return any? value
---@return bq.share.Trouble?
local function decoded(read, answer)
  local ok, value = pcall(read, answer.reply or "")
  if ok then
    return value
  end
  return nil, { kind = "down", text = tostring(value) }
end

--- Which blobs are not there. The empty blob always is.
---@param digests bq.share.Digest[]
---@return table<string, true>? # by hash
---@return bq.share.Trouble?
function Batches:missing(digests)
  local list, out = {}, {}
  for first = 1, #digests, DIGESTS do
    local items = {}
    for index = first, math.min(first + DIGESTS - 1, #digests) do
      items[#items + 1] = digests[index].size > 0 and requests.item(digests[index]) or nil
    end
    list[#list + 1] = { method = requests.FIND_MISSING, send = requests.list(self.instance, items) }
  end
  local answers = self.calls:run(list)
  local trouble = first_trouble(answers, true)
  for _, answer in ipairs(trouble and {} or answers) do
    local found
    found, trouble = decoded(requests.read_missing, answer)
    if trouble then
      return nil, trouble
    end
    for hash in pairs(found) do
      out[hash] = true
    end
  end
  return not trouble and out or nil, trouble
end

--- Cuts a list into batches.
---@param items any[]
---@param size fun(item: any): integer
---@param most integer the most bytes of a batch
---@return any[][] batches
local function cut(items, size, most)
  local out, bytes = {}, math.huge
  for _, item in ipairs(items) do
    local own = size(item)
    if bytes + own > most then
      out[#out + 1], bytes = {}, 0
    end
    table.insert(out[#out], item)
    bytes = bytes + own
  end
  return out
end

--- Reads blobs that fit into batches. Those that do not come this way are left for streams.
---@param blobs bq.share.Digest[]
---@return table<string, bq.share.Part> # by hash
---@return bq.share.Trouble? # the server cannot be used
function Batches:read(blobs)
  local list, out = {}, {}
  local some = cut(blobs, function(blob)
    return blob.size + OVERHEAD
  end, self.limit)
  for index, batch in ipairs(some) do
    local items, bytes = {}, 0
    for number, blob in ipairs(batch) do
      items[number], bytes = requests.item(blob), bytes + blob.size
    end
    list[index] = { method = requests.BATCH_READ, send = requests.list(self.instance, items), bytes = bytes }
  end
  for _, answer in ipairs(self.calls:run(list, JOBS)) do
    local trouble = calls.trouble(answer, true)
    if trouble and trouble.kind == "down" then
      return out, trouble
    end
    local parts = answer.status == calls.OK and decoded(requests.read_batch, answer) or {}
    for _, part in ipairs(parts) do
      out[part.hash] = part
    end
  end
  return out
end

--- Writes blobs that fit into batches.
---@param blobs bq.share.Blob[]
---@return bq.share.Trouble?
---@return table<string, true> later by hash, what may be taken a moment later, or by itself
function Batches:write(blobs)
  local all, list = {}, {}
  for index, blob in ipairs(blobs) do
    all[index] = requests.blob(blob.digest, blob.text or fs.read(blob.path))
  end
  for index, items in ipairs(cut(all, string.len, self.limit)) do
    local bytes = 0
    for _, item in ipairs(items) do
      bytes = bytes + #item
    end
    list[index] = { method = requests.BATCH_UPDATE, send = requests.list(self.instance, items), bytes = bytes }
  end
  local later, sizes, taken = {}, {}, {} ---@type table<string, true>, table<string, integer>, bq.grpc.Answer[]
  for _, blob in ipairs(blobs) do
    later[blob.digest.hash], sizes[blob.digest.hash] = true, blob.digest.size
  end
  -- A batch that is refused for its size is sent by blobs.
  for index, answer in ipairs(self.calls:run(list, JOBS)) do
    taken[#taken + 1] = not calls.is_of_size(answer, list[index].bytes) and answer or nil
  end
  local trouble = first_trouble(taken, true)
  for _, answer in ipairs(trouble and {} or taken) do
    local parts, wrong = decoded(requests.read_update, answer)
    trouble = trouble or wrong
    for _, part in ipairs(parts or {}) do
      if not calls.is_passing(part) then
        later[part.hash] = nil
        local is_there = part.status == calls.ALREADY_EXISTS
        trouble = trouble or not is_there and calls.trouble_of_blob(part, sizes[part.hash] or 0) or nil
      end
    end
  end
  return trouble, later
end

return batches
