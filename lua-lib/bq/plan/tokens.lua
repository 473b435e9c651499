-- Lua source as tokens: what counts in a key is what a chunk says, not its comments and layout.
local digest = require "bq.digest"

local tokens = {}

-- The operators of more than one character; all others stand alone. Read greedily, as Lua reads them.
-- stylua: ignore
local OPERATORS = {
  ["..."] = true, [".."] = true, ["=="] = true, ["~="] = true, ["<="] = true, [">="] = true, ["//"] = true,
  ["::"] = true, ["<<"] = true, [">>"] = true,
}

local function operator(text, at)
  for length = 3, 2, -1 do
    if OPERATORS[text:sub(at, at + length - 1)] then
      return at + length - 1
    end
  end
  return at
end

local function long_bracket(text, at)
  local level = text:match("^%[(=*)%[", at)
  if level then
    local _, stop = text:find("]" .. level .. "]", at, true)
    return stop or #text
  end
end

-- What a token is, by its first byte; one that is in none of these stands alone. This is read for each plan, so the usual
-- tokens are found without a pattern.
local IS_NAME <const>, IS_DIGIT <const>, IS_LONGER <const> = {}, {}, {}
for byte = 0, 255 do
  local char = string.char(byte)
  IS_NAME[byte], IS_DIGIT[byte] = char:find "[%a_]" ~= nil, char:find "%d" ~= nil
end
for char in pairs(OPERATORS) do
  IS_LONGER[char:byte()] = true
end
local QUOTED <const> = { [('"'):byte()] = '["\\]', [("'"):byte()] = "['\\]" }
local MINUS <const>, POINT <const>, BRACKET <const>, BACKSLASH <const> = ("-.[\\"):byte(1, 4)

--- Where a string in quotes ends.
local function end_of_string(text, at, pattern)
  while true do
    local stop = text:find(pattern, at)
    if not stop or text:byte(stop) ~= BACKSLASH then
      return stop or #text
    end
    at = stop + 2
  end
end

--- The tokens of a chunk, without comments, and where they are.
---@param text string
---@return string[]
---@return integer[] first where each begins
function tokens.list(text)
  local out, first, count, at = {}, {}, 0, 1
  local find, sub, byte = string.find, string.sub, string.byte
  if sub(text, 1, 1) == "#" then
    at = find(text, "\n", 1, true) or #text + 1
  end
  while true do
    at = find(text, "%S", at)
    if not at then
      return out, first
    end
    local stop, char, _ = at, byte(text, at), nil
    if IS_NAME[char] then
      _, stop = find(text, "^[%w_]+", at)
    elseif char == MINUS and byte(text, at + 1) == MINUS then
      at = (long_bracket(text, at + 2) or (find(text, "\n", at, true) or #text)) + 1
      goto continue
    elseif IS_DIGIT[char] or char == POINT and IS_DIGIT[byte(text, at + 1)] then
      _, stop = find(text, "^[%w_.]+", at)
    elseif QUOTED[char] then
      stop = end_of_string(text, at + 1, QUOTED[char])
    elseif char == BRACKET then
      stop = long_bracket(text, at) or at
    elseif IS_LONGER[char] then
      stop = operator(text, at)
    end
    count = count + 1
    out[count], first[count] = sub(text, at, stop), at
    at = stop + 1
    ::continue::
  end
end

--- The digest of what a chunk says.
---@param text string
---@return string
function tokens.digest(text)
  local list, known = tokens.list(text), {}
  for index, token in ipairs(list) do
    local told = known[token] or #token .. ":" .. token
    list[index], known[token] = told, told
  end
  return digest.sha256(table.concat(list, " "))
end

--- The modules that a chunk requires by a literal name.
---@param text string
---@return string[]
function tokens.requires(text)
  local out, list = {}, tokens.list(text)
  for index, token in ipairs(list) do
    if token == "require" then
      local name = list[index + 1] == "(" and list[index + 2] or list[index + 1]
      out[#out + 1] = name and name:match "^[\"']([%w_.]+)[\"']$"
    end
  end
  return out
end

return tokens
