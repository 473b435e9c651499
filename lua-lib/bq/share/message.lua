-- Messages of the Remote Execution API in their binary form (protocol buffers, encoding of proto3): what a cache keeps. Only
-- the fields that bq uses; others are skipped when a message is read.
--   github.com/bazelbuild/remote-apis, build/bazel/remote/execution/v2/remote_execution.proto
local fail = require "bq.fail"

local message = {}

--- The largest result that is read, in bytes. Servers of the Remote Execution API have the same limit for a message.
message.LARGEST = 4 << 20

---@class bq.share.Digest
---@field hash string SHA-256, 64 hexadecimal digits
---@field size integer bytes

---@class bq.share.File a file of a result
---@field path string
---@field digest bq.share.Digest
---@field contents? string of a small file, so that it needs no request of its own

local VARINT <const>, FIXED64 <const>, BYTES <const>, FIXED32 <const> = 0, 1, 2, 5

local function varint(number)
  local out = {}
  repeat
    local low = number & 0x7f
    number = number >> 7
    out[#out + 1] = string.char(number ~= 0 and low | 0x80 or low)
  until number == 0
  return table.concat(out)
end

--- A field of bytes, a text or an inner message.
local function bytes(field, text)
  return varint(field << 3 | BYTES) .. varint(#text) .. text
end

--- A number; 0 is the default, which is not written.
local function whole(field, number)
  return number == 0 and "" or varint(field << 3 | VARINT) .. varint(number)
end

---@param digest bq.share.Digest
local function digest_of(digest)
  return bytes(1, digest.hash) .. whole(2, digest.size)
end

--- A command that nobody runs: it names the step, and what a result of it has.
---@param arguments string[]
---@param outputs string[] paths of files, sorted
---@return string
function message.command(arguments, outputs)
  local out = {}
  for _, one in ipairs(arguments) do
    out[#out + 1] = bytes(1, one)
  end
  -- Old servers know only the first of these two fields, new ones only the second.
  for _, field in ipairs { 3, 7 } do
    for _, path in ipairs(outputs) do
      out[#out + 1] = bytes(field, path)
    end
  end
  return table.concat(out)
end

--- A folder of plain files.
---@param files { name: string, digest: bq.share.Digest }[] sorted by name
---@return string
function message.directory(files)
  local out = {}
  for index, file in ipairs(files) do
    out[index] = bytes(1, bytes(1, file.name) .. bytes(2, digest_of(file.digest)))
  end
  return table.concat(out)
end

---@param command bq.share.Digest
---@param input_root bq.share.Digest
---@return string
function message.action(command, input_root)
  return bytes(1, digest_of(command)) .. bytes(2, digest_of(input_root))
end

---@param files bq.share.File[]
---@return string
function message.result(files)
  local out = {}
  for index, file in ipairs(files) do
    local inline = file.contents and bytes(5, file.contents) or ""
    out[index] = bytes(2, bytes(1, file.path) .. bytes(2, digest_of(file.digest)) .. inline)
  end
  return table.concat(out)
end

---@return never
local function broken()
  fail.raise "it is no message of the Remote Execution API"
end

--- Reads a number at a place.
---@return integer number
---@return integer after
local function read_varint(text, at)
  local number = 0
  for shift = 0, 63, 7 do
    local byte = text:byte(at)
    if not byte then
      broken()
    end
    number, at = number | (byte & 0x7f) << shift, at + 1
    if byte < 0x80 then
      return number, at
    end
  end
  broken()
end

--- The fields of a message: a list of values for each number.
---@param text string
---@return table<integer, (integer|string)[]>
local function fields(text)
  local out, at = {}, 1 ---@type table<integer, (integer|string)[]>, integer
  while at <= #text do
    local tag, value, size
    tag, at = read_varint(text, at)
    local field, kind = tag >> 3, tag & 7
    if kind == VARINT then
      value, at = read_varint(text, at)
    elseif kind == BYTES or kind == FIXED64 or kind == FIXED32 then
      size = kind == FIXED64 and 8 or 4
      if kind == BYTES then
        size, at = read_varint(text, at)
      end
      if size < 0 or size > #text - at + 1 then
        broken()
      end
      value, at = text:sub(at, at + size - 1), at + size
    else
      broken()
    end
    out[field] = out[field] or {}
    table.insert(out[field], value)
  end
  return out
end

--- The last value of a field, as proto3 has it; it has to be of that type.
local function last(found, field, default)
  local value = found[field] and found[field][#found[field]]
  if value == nil then
    return default
  elseif type(value) ~= type(default) then
    broken()
  end
  return value
end

local function read_digest(text)
  local found = fields(text)
  local hash, size = last(found, 1, ""), last(found, 2, 0)
  if #hash ~= 64 or hash:find "[^0-9a-f]" or size < 0 then
    broken()
  end
  return { hash = hash, size = size }
end

--- Reads a result. Raises if it is none, or if one of its files has no path or digest.
---@param text string
---@return { files: table<string, bq.share.File>, exit_code: integer } files by path
function message.read_result(text)
  local found, out = fields(text), { files = {} }
  for _, one in ipairs(found[2] or {}) do
    if type(one) ~= "string" then
      broken()
    end
    local file = fields(one --[[@as string]])
    local contents = last(file, 5, "")
    local path = last(file, 1, "")
    out.files[path] = {
      path = path,
      digest = read_digest(last(file, 2, "")),
      contents = contents ~= "" and contents or nil,
    }
  end
  out.exit_code = last(found, 4, 0)
  return out
end

return message
