-- Mutations of byte strings.
local mutate = {}

local random = math.random

--- Numbers at the edges, as they stand in headers.
local NUMBERS = {
  "\0",
  "\xff",
  "\x7f",
  "\x80",
  "\0\0\0\0",
  "\xff\xff\xff\xff",
  "\x7f\xff\xff\xff",
  "\x80\0\0\0",
  "00000000000",
  "77777777777",
  "-1",
  "99999999999999999999",
  "1e999",
}

local function place(text)
  return random(0, #text)
end

local function piece(text)
  local from = random(1, math.max(1, #text))
  return text:sub(from, from + random(0, random(1, 4) == 1 and 2000 or 16))
end

local STEPS = {
  function(text) -- one bit
    local at = random(1, math.max(1, #text))
    local byte = text:byte(at) or 0
    return text:sub(1, at - 1) .. string.char(byte ~ (1 << random(0, 7))) .. text:sub(at + 1)
  end,
  function(text) -- one byte
    local at = random(1, math.max(1, #text))
    return text:sub(1, at - 1) .. string.char(random(0, 255)) .. text:sub(at + 1)
  end,
  function(text) -- a number at an edge, over what is there
    local at, number = place(text), NUMBERS[random(#NUMBERS)]
    return text:sub(1, at) .. number .. text:sub(at + 1 + #number)
  end,
  function(text) -- gone
    local at = place(text)
    return text:sub(1, at) .. text:sub(at + 1 + random(1, random(1, 4) == 1 and 1024 or 8))
  end,
  function(text) -- twice
    local at, part = place(text), piece(text)
    return text:sub(1, at) .. part:rep(random(1, random(1, 8) == 1 and 64 or 2)) .. text:sub(at + 1)
  end,
  function(text, words) -- a word of the format
    local at = place(text)
    local word = #words > 0 and words[random(#words)] or "x"
    return text:sub(1, at) .. word .. text:sub(at + 1 + (random(2) == 1 and #word or 0))
  end,
  function(text) -- cut
    return random(4) == 1 and text:sub(1, place(text)) or text
  end,
  function(text, _, other) -- the end of another
    return text:sub(1, place(text)) .. other:sub(random(1, math.max(1, #other)))
  end,
  function(text, _, other) -- a part of another
    local at = place(text)
    return text:sub(1, at) .. piece(other) .. text:sub(at + 1)
  end,
  function(text) -- a digit
    local at = text:find("%d", random(1, math.max(1, #text)))
    return at and text:sub(1, at - 1) .. random(0, 9) .. text:sub(at + 1) or text
  end,
}

--- A changed copy of a text, of at most `max` bytes.
---@param text string
---@param words string[] of the format
---@param other string another text of the format
---@param max integer
---@return string
function mutate.once(text, words, other, max)
  for _ = 1, 1 << random(0, 4) do
    text = STEPS[random(#STEPS)](text, words, other)
  end
  return text:sub(1, max)
end

return mutate
