-- Messages of the Remote Execution API in their binary form: what a cache keeps. Only the fields that bq uses; others are skipped
-- when a message is read.
--   github.com/bazelbuild/remote-apis, build/bazel/remote/execution/v2/remote_execution.proto
local wire = require "bq.share.wire"

local message = {}

--- The largest result that is read, in bytes. Servers of the Remote Execution API have the same limit for a message.
message.LARGEST = 4 << 20

---@class bq.share.Digest
---@field hash string SHA-256, 64 hexadecimal digits
---@field size integer bytes
---@field is_packed? boolean its content is compressed

---@class bq.share.File a file of a result
---@field path string
---@field digest bq.share.Digest
---@field contents? string of a small file, so that it needs no request of its own

local bytes, whole, fields, last = wire.bytes, wire.whole, wire.fields, wire.last

---@param digest bq.share.Digest
---@return string
function message.digest(digest)
  return bytes(1, digest.hash) .. whole(2, digest.size)
end

--- What a worker has to have, by the words of its engine.
---@param properties? { name: string, value: string }[] sorted by name, then by value
---@return string # empty if there is none
local function platform(field, properties)
  local out = {}
  for index, one in ipairs(properties or {}) do
    out[index] = bytes(1, bytes(1, one.name) .. bytes(2, one.value))
  end
  return #out > 0 and bytes(field, table.concat(out)) or ""
end

--- A command.
---@param arguments string[]
---@param outputs string[] paths of files, sorted
---@param properties? { name: string, value: string }[] of the worker, sorted
---@return string
function message.command(arguments, outputs, properties)
  local out = {}
  for _, one in ipairs(arguments) do
    out[#out + 1] = bytes(1, one)
  end
  -- Old servers know only the first of these two fields, new ones only the second.
  for _, path in ipairs(outputs) do
    out[#out + 1] = bytes(3, path)
  end
  out[#out + 1] = platform(5, properties)
  for _, path in ipairs(outputs) do
    out[#out + 1] = bytes(7, path)
  end
  return table.concat(out)
end

--- A folder of plain files.
---@param files { name: string, digest: bq.share.Digest, is_program?: boolean }[] sorted by name
---@return string
function message.directory(files)
  local out = {}
  for index, file in ipairs(files) do
    local is_program = whole(4, file.is_program and 1 or 0)
    out[index] = bytes(1, bytes(1, file.name) .. bytes(2, message.digest(file.digest)) .. is_program)
  end
  return table.concat(out)
end

--- What is done: a command on a folder. The worker's properties are in it and in its command: old servers look there.
---@param command bq.share.Digest
---@param input_root bq.share.Digest
---@param properties? { name: string, value: string }[] of the worker, sorted
---@return string
function message.action(command, input_root, properties)
  return bytes(1, message.digest(command)) .. bytes(2, message.digest(input_root)) .. platform(10, properties)
end

---@param files bq.share.File[]
---@return string
function message.result(files)
  local out = {}
  for index, file in ipairs(files) do
    local inline = file.contents and bytes(5, file.contents) or ""
    out[index] = bytes(2, bytes(1, file.path) .. bytes(2, message.digest(file.digest)) .. inline)
  end
  return table.concat(out)
end

--- Reads a digest.
---@param text string
---@return bq.share.Digest
function message.read_digest(text)
  local found = fields(text)
  local hash, size = last(found, 1, ""), last(found, 2, 0)
  if #hash ~= 64 or hash:find "[^0-9a-f]" or size < 0 then
    wire.broken()
  end
  return { hash = hash, size = size }
end

-- When what happened to an action, by the fields of its metadata.
local TIMES <const> = { queued = 2, started = 3, completed = 4 }

--- The moments that a server tells, in seconds since 1970.
local function read_times(text)
  local found, out = fields(text), {}
  for name, field in pairs(TIMES) do
    local moment = fields(last(found, field, ""))
    local seconds = last(moment, 1, 0)
    out[name] = seconds > 0 and seconds + last(moment, 2, 0) / 1e9 or nil
  end
  return out
end

--- Reads a result. Raises if it is none, or if one of its files has no path or digest.
---@param text string
---@return { files: table<string, bq.share.File>, exit_code: integer, times: table<string, number> } files by path
function message.read_result(text)
  local found, out = fields(text), { files = {} }
  for _, one in ipairs(wire.texts(found, 2)) do
    local file = fields(one)
    local contents = last(file, 5, "")
    local path = last(file, 1, "")
    out.files[path] = {
      path = path,
      digest = message.read_digest(last(file, 2, "")),
      contents = contents ~= "" and contents or nil,
    }
  end
  out.exit_code = last(found, 4, 0)
  out.times = read_times(last(found, 9, ""))
  return out
end

return message
