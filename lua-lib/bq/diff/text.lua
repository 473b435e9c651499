-- Compares texts and lists of texts, and guesses why their parts differ.
local cause = require "bq.diff.cause"
local json = require "bq.json"
local sequence = require "bq.diff.sequence"

local text = {}

-- How many pairs of lines are looked into.
local MOST_PAIRS <const> = 500

--- The lines of a text.
---@param content string
---@return string[]
function text.lines(content)
  local out = {}
  for line in content:gmatch "([^\n]*)\n?" do
    out[#out + 1] = line
  end
  if out[#out] == "" then
    out[#out] = nil
  end
  return out
end

--- Whether bytes are text: without zeros, and with few control characters.
---@param bytes string
---@return boolean
function text.is(bytes)
  local head = bytes:sub(1, 1 << 16)
  if head:find "%z" then
    return false
  end
  local _, controls = head:gsub("[\1-\8\14-\31]", "")
  return controls * 100 <= #head
end

local function is_sorted(list, fold)
  for index = 2, #list do
    local a, b = list[index - 1], list[index]
    if fold then
      a, b = a:lower():gsub("[^%w\x80-\xff]", ""), b:lower():gsub("[^%w\x80-\xff]", "")
    end
    if a > b then
      return false
    end
  end
  return true
end

--- Why the same lines are in another order: a locale, if one side is sorted by bytes and the other one as people sort.
local function order(a, b)
  for _, pair in ipairs { { a, b }, { b, a } } do
    local one, other = pair[1], pair[2]
    if is_sorted(one, false) and not is_sorted(other, false) and is_sorted(other, true) then
      return {
        cause.likely(
          "a locale",
          "the lines are sorted by their bytes on one side, as a locale sorts words on the other"
        ),
      }
    end
  end
  return { cause.likely("an order", "the same lines in another order") }
end

--- Looks at lines that stand for each other. Returns whether all differences have a cause.
local function pairs_of(node, removed, added, budget)
  local is_known = #removed == #added
  for index = 1, math.min(#removed, #added, budget) do
    local found = cause.of(removed[index], added[index])
    node:because(found)
    is_known = is_known and #found > 0
  end
  return is_known
end

--- Texts without what separates them from the next one: the last line of a list has no comma.
local function bare(list)
  local out = {}
  for index, line in ipairs(list) do
    out[index] = line:gsub("[%s,;|&\\]+$", "")
  end
  return out
end

--- Compares two lists of texts, and adds what differs to a node.
---@param node bq.diff.Node changed
---@param a string[]
---@param b string[]
---@param what string the plural of an item: `lines`
function text.compare_lists(node, a, b, what)
  local is_reordered = sequence.is_reordered(a, b)
  if is_reordered then
    node:fact(("the same %s in another order"):format(what))
    node:because(order(a, b))
  else
    local ours, theirs = bare(a), bare(b)
    is_reordered = table.concat(ours, "\n") ~= table.concat(theirs, "\n") and sequence.is_reordered(ours, theirs)
    if is_reordered then
      node:fact(("the same %s in another order, but for what separates them"):format(what))
      node:because(order(ours, theirs))
    end
  end
  local hunks, is_known, count = sequence.hunks(a, b), true, 0
  if not hunks then
    local gone, new = sequence.without_order(a, b)
    node:fact(("%d %s are gone, %d are new"):format(#gone, what, #new))
    hunks = { { a_first = 1, b_first = 1, removed = gone, added = new } }
  end
  for _, hunk in ipairs(hunks) do
    for _, line in ipairs(hunk.removed) do
      node:line("-", line)
    end
    for _, line in ipairs(hunk.added) do
      node:line("+", line)
    end
    if not is_reordered then
      is_known = pairs_of(node, hunk.removed, hunk.added, MOST_PAIRS - count) and is_known
      count = count + #hunk.removed
    end
  end
  node.open = node.open or not is_known
end

--- A text of data, with the order of its names and lists lost; `nil` if it is none.
local function unordered(content)
  local ok, value = pcall(json.decode, content)
  if not ok or type(value) ~= "table" then
    return nil
  end
  local function sort(one)
    if type(one) ~= "table" then
      return one
    end
    local out, list = {}, {}
    for name, inner in pairs(one) do
      out[name] = sort(inner)
      list[#list + 1] = json.encode { out[name] }
    end
    if #one > 0 then
      table.sort(list)
      return list
    end
    return out
  end
  local done, encoded = pcall(function()
    return json.encode(sort(value))
  end)
  return done and encoded or nil
end

--- Compares two texts.
---@param node bq.diff.Node changed
---@param a string
---@param b string
function text.compare(node, a, b)
  local is_data = a:find "^%s*[%[{]" and b:find "^%s*[%[{]"
  local data = is_data and unordered(a)
  if data and data == unordered(b) then
    node:fact "the same data in another order or layout"
    node:because { cause.likely("an order", "JSON with the same data") }
    local quiet = setmetatable({ because = function() end }, { __index = node })
    text.compare_lists(quiet, text.lines(a), text.lines(b), "lines")
    node.cut = quiet.cut
    return
  end
  local ours, theirs = text.lines(a), text.lines(b)
  if #ours == #theirs and table.concat(ours, "\n") == table.concat(theirs, "\n") then
    node:fact "the text ends with a newline on one side only"
    node:because { cause.likely("white space, or the ends of lines", "the newline at the end") }
    return
  end
  text.compare_lists(node, ours, theirs, "lines")
end

return text
