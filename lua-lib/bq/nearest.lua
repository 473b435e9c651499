-- Finds the known word that is nearest to a mistyped one.

--- The limit for the length of words. For longer ones no suggestion is made.
local MAX = 100

--- The number of single-character edits between two words.
local function distance(a, b)
  local row = {}
  for j = 0, #b do
    row[j] = j
  end
  for i = 1, #a do
    local diagonal = row[0]
    row[0] = i
    for j = 1, #b do
      local cost = diagonal + (a:byte(i) == b:byte(j) and 0 or 1)
      diagonal = row[j]
      row[j] = math.min(cost, row[j] + 1, row[j - 1] + 1)
    end
  end
  return row[#b]
end

--- The nearest known word, if it is near enough to be a suggestion.
---@param word string
---@param known string[]|table<string, any> a list, or a table whose keys are the words
---@return string?
local function nearest(word, known)
  if #word > MAX then
    return nil
  end
  local best, least
  local function try(candidate)
    if type(candidate) == "string" then
      local edits = distance(word, candidate)
      if not least or edits < least or (edits == least and candidate < best) then
        best, least = candidate, edits
      end
    end
  end
  for key, value in pairs(known) do
    try(type(key) == "number" and value or key)
  end
  if least and least <= 1 + #word // 4 then
    return best
  end
end

return nearest
