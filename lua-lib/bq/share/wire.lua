-- The binary form of messages: protocol buffers, in the encoding of proto3. Fields are known by their numbers.
--   protobuf.dev/programming-guides/encoding
local fail = require "bq.fail"

local wire = {}

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
---@param field integer
---@param text string
---@return string
function wire.bytes(field, text)
  return varint(field << 3 | BYTES) .. varint(#text) .. text
end

--- A number; 0 is the default, which is not written.
---@param field integer
---@param number integer
---@return string
function wire.whole(field, number)
  return number == 0 and "" or varint(field << 3 | VARINT) .. varint(number)
end

--- Raises that something is no message.
---@return never
function wire.broken()
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
      wire.broken()
    end
    number, at = number | (byte & 0x7f) << shift, at + 1
    if byte < 0x80 then
      return number, at
    end
  end
  wire.broken()
end

--- The fields of a message: a list of values for each number.
---@param text string
---@return table<integer, (integer|string)[]>
function wire.fields(text)
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
        wire.broken()
      end
      value, at = text:sub(at, at + size - 1), at + size
    else
      wire.broken()
    end
    out[field] = out[field] or {}
    table.insert(out[field], value)
  end
  return out
end

--- The last value of a field, as proto3 has it; it has to be of that type.
---@generic T
---@param found table<integer, (integer|string)[]>
---@param field integer
---@param default T
---@return T
function wire.last(found, field, default)
  local value = found[field] and found[field][#found[field]]
  if value == nil then
    return default
  elseif type(value) ~= type(default) then
    wire.broken()
  end
  return value
end

--- All texts of a field.
---@param found table<integer, (integer|string)[]>
---@param field integer
---@return string[]
function wire.texts(found, field)
  for _, one in ipairs(found[field] or {}) do
    if type(one) ~= "string" then
      wire.broken()
    end
  end
  return found[field] --[[@as string[] ]] or {}
end

--- All numbers of a field: each of its own, or many in one text.
---@param found table<integer, (integer|string)[]>
---@param field integer
---@return table<integer, true>
function wire.numbers(found, field)
  local out = {}
  for _, one in ipairs(found[field] or {}) do
    local at = 1
    if type(one) == "number" then
      out[one] = true
    end
    while type(one) == "string" and at <= #one do
      local number
      number, at = read_varint(one, at)
      out[number] = true
    end
  end
  return out
end

return wire
