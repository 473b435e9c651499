-- What is asked of a server of the Remote Execution API, and what it answers: a pair of functions for each of its services.
--   github.com/bazelbuild/remote-apis, build/bazel/remote/execution/v2/remote_execution.proto
--   github.com/googleapis/googleapis, google/bytestream/bytestream.proto and google/longrunning/operations.proto
local message = require "bq.share.message"
local wire = require "bq.share.wire"

local bytes, whole, fields, last = wire.bytes, wire.whole, wire.fields, wire.last

local requests = {}

local API <const> = "/build.bazel.remote.execution.v2."

--- The services.
requests.CAPABILITIES = API .. "Capabilities/GetCapabilities"
requests.GET_RESULT = API .. "ActionCache/GetActionResult"
requests.UPDATE_RESULT = API .. "ActionCache/UpdateActionResult"
requests.FIND_MISSING = API .. "ContentAddressableStorage/FindMissingBlobs"
requests.BATCH_READ = API .. "ContentAddressableStorage/BatchReadBlobs"
requests.BATCH_UPDATE = API .. "ContentAddressableStorage/BatchUpdateBlobs"
requests.READ = "/google.bytestream.ByteStream/Read"
requests.WRITE = "/google.bytestream.ByteStream/Write"
requests.QUERY_WRITE = "/google.bytestream.ByteStream/QueryWriteStatus"
requests.EXECUTE = API .. "Execution/Execute"
requests.WAIT = API .. "Execution/WaitExecution"
requests.CANCEL = "/google.longrunning.Operations/CancelOperation"

-- Numbers of enumerations.
local SHA256 <const>, ZSTD <const> = 1, 1

--- An empty text is the default, which is not written.
local function name(field, text)
  return text == "" and "" or bytes(field, text)
end

---@param instance string
---@return string
function requests.capabilities(instance)
  return name(1, instance)
end

---@class bq.share.Capabilities
---@field has_sha256 boolean
---@field takes_results? boolean `nil` if it does not say
---@field batch integer the most bytes of a batch; 0 if it does not say
---@field largest integer the most bytes of a blob; 0 if it does not say
---@field executes? boolean whether it has workers; `nil` if it does not say
---@field has_zstd boolean whether streams may be compressed

--- What a server can do.
---@param text string
---@return bq.share.Capabilities
function requests.read_capabilities(text)
  local all = fields(text)
  local cache = fields(last(all, 1, ""))
  local functions = wire.numbers(cache, 1)
  local updates = cache[2] and fields(last(cache, 2, ""))
  return {
    has_sha256 = functions[SHA256] or next(functions) == nil,
    takes_results = updates and last(updates, 1, 0) ~= 0,
    batch = last(cache, 4, 0),
    largest = last(cache, 8, 0),
    has_zstd = wire.numbers(cache, 6)[ZSTD] or false,
    executes = all[2] and last(fields(last(all, 2, "")), 2, 0) ~= 0,
  }
end

---@param instance string
---@param action bq.share.Digest
---@param inline string the file whose content the result should have
---@return string
function requests.get_result(instance, action, inline)
  return name(1, instance) .. bytes(2, message.digest(action)) .. bytes(5, inline)
end

---@param instance string
---@param action bq.share.Digest
---@param result string
---@return string
function requests.update_result(instance, action, result)
  return name(1, instance) .. bytes(2, message.digest(action)) .. bytes(3, result)
end

--- A digest in the list of a request: of those whose blobs may be missing, or of those that are read.
---@param digest bq.share.Digest
---@return string
function requests.item(digest)
  return bytes(2, message.digest(digest))
end

--- A blob in the list of a request.
---@param digest bq.share.Digest
---@param data string
---@return string
function requests.blob(digest, data)
  return bytes(2, bytes(1, message.digest(digest)) .. bytes(2, data))
end

--- A request with a list: which are missing, which are read, or which are written.
---@param instance string
---@param items string[]
---@return string
function requests.list(instance, items)
  return name(1, instance) .. table.concat(items)
end

---@param text string
---@return table<string, true> # by hash
function requests.read_missing(text)
  local out = {}
  for _, one in ipairs(wire.texts(fields(text), 2)) do
    out[message.read_digest(one).hash] = true
  end
  return out
end

--- How a blob of a batch ended.
---@class bq.share.Part
---@field hash string
---@field data string
---@field status integer
---@field message string

local function part(digest, data, status)
  local said = fields(status)
  return {
    hash = message.read_digest(digest).hash,
    data = data,
    status = last(said, 1, 0),
    message = last(said, 2, ""),
  }
end

---@param text string
---@return bq.share.Part[]
function requests.read_batch(text)
  local out = {}
  for index, one in ipairs(wire.texts(fields(text), 1)) do
    local found = fields(one)
    -- Compressed data was not asked for.
    if last(found, 4, 0) ~= 0 then
      wire.broken()
    end
    out[index] = part(last(found, 1, ""), last(found, 2, ""), last(found, 3, ""))
  end
  return out
end

---@param text string
---@return bq.share.Part[]
function requests.read_update(text)
  local out = {}
  for index, one in ipairs(wire.texts(fields(text), 1)) do
    local found = fields(one)
    out[index] = part(last(found, 1, ""), "", last(found, 2, ""))
  end
  return out
end

--- Where a stream reads a blob.
---@param instance string
---@param digest bq.share.Digest
---@param is_compressed boolean
---@return string
function requests.place(instance, digest, is_compressed)
  local kind = is_compressed and "compressed-blobs/zstd" or "blobs"
  return ("%s%s/%s/%d"):format(instance == "" and "" or instance .. "/", kind, digest.hash, digest.size)
end

--- Where a stream writes a blob. Each attempt has an id of its own.
---@param instance string
---@param id string a UUID
---@param digest bq.share.Digest
---@param is_compressed boolean
---@return string
function requests.new_place(instance, id, digest, is_compressed)
  local top = instance == "" and "" or instance .. "/"
  return ("%suploads/%s/%s"):format(top, id, requests.place("", digest, is_compressed))
end

---@param place string
---@param offset integer
---@return string
function requests.read(place, offset)
  return bytes(1, place) .. whole(2, offset)
end

---@param text string
---@return string
function requests.read_piece(text)
  return last(fields(text), 10, "")
end

---@param place string
---@param offset integer
---@param data string
---@param is_last boolean
---@return string
function requests.write(place, offset, data, is_last)
  return bytes(1, place) .. whole(2, offset) .. whole(3, is_last and 1 or 0) .. name(10, data)
end

--- How much a server has of what was written. Some say -1 of what was compressed.
---@param text string
---@return integer
function requests.read_committed(text)
  return last(fields(text), 1, 0)
end

---@param place string
---@return string
function requests.query_write(place)
  return bytes(1, place)
end

---@param text string
---@return integer committed
---@return boolean is_complete
function requests.read_query(text)
  local found = fields(text)
  return last(found, 1, 0), last(found, 2, 0) ~= 0
end

---@param instance string
---@param action bq.share.Digest
---@param is_anew boolean not by an earlier result
---@return string
function requests.execute(instance, action, is_anew)
  return name(1, instance) .. whole(3, is_anew and 1 or 0) .. bytes(6, message.digest(action))
end

--- Of an operation: to hear of it again, or to end it.
---@param operation string its name
---@return string
function requests.operation(operation)
  return bytes(1, operation)
end

-- The stages of an operation.
local STAGES <const> = { "look-up", "queue", "work", "end" }

---@class bq.share.Operation what is known of an action that was asked for
---@field name string
---@field stage? "look-up"|"queue"|"work"|"end" `nil` if the server does not say
---@field is_done boolean
---@field status integer a code of gRPC, once it is done
---@field message string
---@field result? string an action result, once it is done
---@field is_cached boolean

---@param text string
---@return bq.share.Operation
function requests.read_operation(text)
  local found = fields(text)
  local metadata = fields(last(fields(last(found, 2, "")), 2, ""))
  local wrong = fields(last(found, 4, ""))
  local response = fields(last(fields(last(found, 5, "")), 2, ""))
  local status = fields(last(response, 3, ""))
  local is_wrong = found[4] ~= nil
  return {
    name = last(found, 1, ""),
    stage = STAGES[last(metadata, 1, 0)],
    is_done = last(found, 3, 0) ~= 0,
    status = is_wrong and last(wrong, 1, 0) or last(status, 1, 0),
    message = is_wrong and last(wrong, 2, "") or last(status, 2, ""),
    result = response[1] and last(response, 1, ""),
    is_cached = last(response, 2, 0) ~= 0,
  }
end

return requests
