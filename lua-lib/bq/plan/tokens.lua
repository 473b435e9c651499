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

--- The tokens of a chunk, without comments, and where they are.
---@param text string
---@return string[]
---@return integer[] first where each begins
function tokens.list(text)
  local out, first, at = {}, {}, 1
  if text:sub(1, 1) == "#" then
    at = text:find("\n", 1, true) or #text + 1
  end
  while true do
    at = text:find("%S", at)
    if not at then
      return out, first
    end
    local stop
    if text:find("^%-%-", at) then
      at = (long_bracket(text, at + 2) or (text:find("\n", at, true) or #text)) + 1
      goto continue
    elseif text:find("^[%a_]", at) then
      stop = select(2, text:find("^[%w_]+", at))
    elseif text:find("^%.?%d", at) then
      stop = select(2, text:find("^[%w_.]+", at))
    elseif text:find("^[\"']", at) then
      local quote = text:sub(at, at)
      stop = at + 1
      while stop < #text and text:sub(stop, stop) ~= quote do
        stop = stop + (text:sub(stop, stop) == "\\" and 2 or 1)
      end
    else
      stop = long_bracket(text, at) or operator(text, at)
    end
    out[#out + 1], first[#first + 1] = text:sub(at, stop), at
    at = stop + 1
    ::continue::
  end
end

--- The digest of what a chunk says.
---@param text string
---@return string
function tokens.digest(text)
  local list = tokens.list(text)
  for index, token in ipairs(list) do
    list[index] = #token .. ":" .. token
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
