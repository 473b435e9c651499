-- Blobs that are too large for a batch: read and written in pieces, and gone on with where a stream was lost.
local archive = require "bq.archive"
local calls = require "bq.share.calls"
local fail = require "bq.fail"
local fs = require "bq.fs"
local requests = require "bq.share.requests"
local sign = require "bq.sign"

local streams = {}

-- The bytes of a piece. Servers send up to twice as many.
local PIECE <const> = 1 << 20
-- Larger blobs are not compressed on the way, since that is done in memory.
local LARGEST <const> = 64 << 20
-- How many blobs are read at once, and how many files are open.
local JOBS <const>, GROUP <const> = 4, 64
-- How often a stream is tried again that gets no further, and how often at all.
local RETRIES <const>, MOST <const> = 3, 50
-- How a file of zstd begins: it gains nothing by being compressed again.
local ZSTD <const> = "\x28\xb5\x2f\xfd"

---@class bq.share.Streams
---@field calls bq.share.Calls
---@field instance string
---@field has_zstd boolean
local Streams = {}
Streams.__index = Streams

---@param all bq.share.Calls
---@param instance string
---@param has_zstd boolean whether the server takes and gives compressed streams
---@return bq.share.Streams
function streams.new(all, instance, has_zstd)
  return setmetatable({ calls = all, instance = instance, has_zstd = has_zstd }, Streams)
end

local function open(path, mode)
  local file, why = io.open(path, mode)
  return file or fail.raise(("cannot open `%s`"):format(path), { cause = why })
end

---@class bq.share.Reading: bq.share.One
---@field close function of its file
---@field is_compressed boolean
---@field is_over? boolean more came than there should be
---@field why? string the file cannot be written

--- The call that reads a blob into a file.
---@return bq.share.Reading
local function reading(self, blob, path)
  local is_compressed = self.has_zstd and not blob.is_packed and blob.size <= LARGEST
  local place = requests.place(self.instance, blob, is_compressed)
  -- What does not become smaller has at most this many bytes.
  local most = is_compressed and blob.size + blob.size // 128 + 4096 or blob.size
  local got, file = 0, open(path, "wb")
  local one = { method = requests.READ, bytes = blob.size, is_compressed = is_compressed }
  function one.close()
    return file:close()
  end
  function one:make()
    -- An offset counts bytes that are not compressed.
    if is_compressed then
      file:seek("set", 0)
      got = 0
    end
    self.has_moved, self.is_over = false, false
    self.send = requests.read(place, got)
    self.receive = function(text)
      local data = requests.read_piece(text)
      if got + #data > most then
        self.is_over = true
        return false
      end
      local ok, why = file:write(data)
      if not ok then
        self.why = why
        return false
      end
      got, self.has_moved = got + #data, not is_compressed and #data > 0
    end
  end
  return one
end

--- Unpacks what came compressed. What is not right becomes an empty file, whose digest is wrong.
local function unpack(path, size)
  local ok, text = pcall(archive.decompress, path, { max_bytes = size })
  fs.write(path, ok and text or "", { sync = false })
end

--- Reads some blobs into files.
local function read_some(self, blobs, path, out)
  local list = {} ---@type bq.share.Reading[]
  local trouble
  for index, blob in ipairs(blobs) do
    list[index] = reading(self, blob, path(blob))
  end
  for index, answer in ipairs(self.calls:run(list, JOBS)) do
    local one = list[index] --[[@as bq.share.Reading]]
    local blob = blobs[index]
    local closed, why = one.close()
    why = one.why or not closed and why
    if why then
      fail.raise(("cannot keep what was read in `%s`"):format(path(blob)), { cause = why })
    end
    -- Too much is kept as it is: its digest is wrong.
    if answer.status == calls.OK or one.is_over then
      out[blob.hash] = path(blob)
      if one.is_compressed then
        unpack(path(blob), blob.size)
      end
    elseif answer.status ~= calls.NOT_FOUND then
      trouble = trouble or calls.trouble(answer)
    end
  end
  return trouble
end

--- Reads blobs into files.
---@param blobs bq.share.Digest[]
---@param path fun(blob: bq.share.Digest): string
---@return table<string, string> # paths by hash, of those that came
---@return bq.share.Trouble?
function Streams:read(blobs, path)
  local out = {}
  for first = 1, #blobs, GROUP do
    local some = table.move(blobs, first, math.min(first + GROUP - 1, #blobs), 1, {})
    local trouble = read_some(self, some, path, out)
    if trouble then
      return out, trouble
    end
  end
  return out
end

--- An id that nobody else has: random bytes in the form of a UUID of version 4 (RFC 9562).
local function new_id()
  local digits = sign.generate()
  return ("%s-%s-4%s-a%s-%s"):format(
    digits:sub(1, 8),
    digits:sub(9, 12),
    digits:sub(13, 15),
    digits:sub(16, 18),
    digits:sub(19, 30)
  )
end

--- The content of a blob from an offset on, by pieces.
local function source(blob, packed)
  if packed or blob.text then
    local text = packed or blob.text
    return function(offset)
      return text:sub(offset + 1, offset + PIECE)
    end, #text
  end
  local file = open(blob.path, "rb")
  return function(offset)
    file:seek("set", offset)
    return file:read(PIECE) or ""
  end, blob.digest.size, file
end

--- The content of a blob, compressed, if that is worth it.
local function packed_of(self, blob)
  if not self.has_zstd or blob.digest.size > LARGEST then
    return nil
  end
  local text = blob.text or fs.read(blob.path)
  return text:sub(1, #ZSTD) ~= ZSTD and archive.compress(text) or nil
end

--- Where to go on after a stream was lost; `nil` if all is there.
local function resume(self, place)
  local answer = self.calls:try { method = requests.QUERY_WRITE, send = requests.query_write(place) }
  local ok, committed, is_complete = pcall(requests.read_query, answer.reply or "")
  if answer.status ~= calls.OK or not ok or committed < 0 then
    return 0
  end
  return not is_complete and committed or nil
end

--- Writes a blob.
---@param blob bq.share.Blob
---@return bq.share.Trouble?
function Streams:write(blob)
  local packed = packed_of(self, blob)
  local get, size, file = source(blob, packed)
  local place, offset, failures, trouble = nil, 0, 0, nil ---@type string?, integer, integer, bq.share.Trouble?
  for _ = 1, MOST do
    if offset == 0 or not place then
      place = requests.new_place(self.instance, new_id(), blob.digest, packed ~= nil)
    end
    local start, at, is_sent = offset, offset, false
    local answer = self.calls:try {
      method = requests.WRITE,
      bytes = size,
      send = function()
        if is_sent then
          return nil
        end
        local data, from = get(at), at
        at = at + #data
        is_sent = at >= size or data == ""
        return requests.write(place, from, data, is_sent)
      end,
    }
    local ok, committed = pcall(requests.read_committed, answer.reply or "")
    -- A server that answers before it has all has the blob already.
    local is_whole = not is_sent or committed == blob.digest.size or committed == size or committed == -1
    if answer.status == calls.OK and ok and is_whole or answer.status == calls.ALREADY_EXISTS then
      trouble = nil
      break
    elseif answer.status == calls.OK then
      local text = ("it kept %s of %d bytes of a blob"):format(ok and committed or "an unknown number", size)
      trouble, offset = { kind = "refused", text = text }, 0
    elseif calls.is_passing(answer) then
      trouble = calls.trouble_of_blob(answer, blob.digest.size)
      -- Servers differ in what they say of compressed bytes, so these are sent from the beginning.
      local known = packed and 0 or resume(self, place)
      if not known then
        trouble = nil
        break
      end
      offset = known <= size and known or 0
    else
      trouble = calls.trouble_of_blob(answer, blob.digest.size)
      break
    end
    failures = offset > start and 1 or failures + 1
    if failures > RETRIES then
      break
    end
    calls.wait(failures)
  end
  if file then
    file:close()
  end
  return trouble
end

return streams
