---@meta bq.json

---JSON (RFC 8259), encoded canonically: sorted keys, no spaces, so that digests of data are stable.
---@class bq.json
---@field null lightuserdata stands for `null`
---@field empty_array table encodes as `[]`; an empty table encodes as `{}`
local json = {}

---Raises on functions, cycles, mixed tables, numbers that are not finite, text that is not UTF-8.
---@param value any
---@param options? { pretty?: boolean } pretty: two spaces of indent, one item a line
---@return string
function json.encode(value, options) end

---@param text string
---@return any
function json.decode(text) end

---A text that JSON can hold: bytes that are not UTF-8 become U+FFFD.
---@param bytes string
---@return string
function json.text(bytes) end

---Marks a table as an array, so that it encodes as `[]` when empty; returns it.
---@generic T: table
---@param value T
---@return T
function json.array(value) end

return json
