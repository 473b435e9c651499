-- Writes digests into the text of a recipe, and leaves all else of it as it is.
local tokens = require "bq.plan.tokens"

local pin = {}

--- What a token that is a text stands for; `nil` if it is none, or not a plain one.
local function literal(token)
  local quote, inside = token:match "^([\"'])(.*)[\"']$"
  if quote and not inside:find "\\" then
    return inside
  end
end

--- The tables of a text that have a place as one of their fields: the tokens of their braces.
local function tables_of(list, field, place)
  local out, open = {}, {}
  for index, token in ipairs(list) do
    if token == "{" then
      open[#open + 1] = { first = index }
    elseif token == "}" then
      local one = table.remove(open)
      if one and one.found then
        one.last = index
        out[#out + 1] = one
      end
    elseif token == field and list[index + 1] == "=" and literal(list[index + 2] or "") == place and #open > 0 then
      open[#open].found = index + 2
    end
  end
  return out
end

--- The token of a field's value in a table, without the tables inside it.
local function value_of(list, one, field)
  local depth = 0
  for index = one.first + 1, one.last - 1 do
    depth = depth + (list[index] == "{" and 1 or list[index] == "}" and -1 or 0)
    if
      depth == 0
      and list[index] == field
      and list[index + 1] == "="
      and (list[index - 1] == "{" or list[index - 1] == "," or list[index - 1] == ";")
    then
      return index + 2
    end
  end
end

--- Sets fields of every table of a recipe's text that names a place; a field that is not there goes behind the place.
---@param text string
---@param field string `url` or `debian`
---@param place string as the recipe writes it, with its `{version}`
---@param fields [string, string][] names and texts, in order
---@return string? text `nil` if no table names the place in so many words
function pin.write(text, field, place, fields)
  local list, first = tokens.list(text)
  local edits = {}
  for _, one in ipairs(tables_of(list, field, place)) do
    local behind = one.found
    for _, pair in ipairs(fields) do
      local at = value_of(list, one, pair[1])
      local quoted = ('"%s"'):format(pair[2])
      if at then
        edits[#edits + 1] = { from = first[at], to = first[at] + #list[at], text = quoted, order = #edits }
        behind = at
      else
        local start = first[behind] + #list[behind]
        -- On a line of its own, where the place stands on one.
        local line = text:sub(1, first[one.found] - 1):match "[^\n]*$"
        local gap = line:match "^(%s*)[%w_]+%s*=%s*$"
        local added = (gap and ",\n" .. gap or ", ") .. pair[1] .. " = " .. quoted
        edits[#edits + 1] = { from = start, to = start, text = added, order = #edits }
      end
    end
  end
  if #edits == 0 then
    return nil
  end
  table.sort(edits, function(a, b)
    return a.from < b.from or a.from == b.from and a.order < b.order
  end)
  local parts, at = {}, 1
  for _, edit in ipairs(edits) do
    parts[#parts + 1] = text:sub(at, edit.from - 1) .. edit.text
    at = edit.to
  end
  return table.concat(parts) .. text:sub(at)
end

return pin
