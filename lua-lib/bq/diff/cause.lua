-- Guesses why two texts, modes or numbers differ. A guess says that it is one: it is sure only where a format says what a field
-- means.
local masks = require "bq.diff.masks"
local report = require "bq.report"
local times = require "bq.diff.times"

local cause = {}

---@class bq.diff.Cause
---@field name string such as `a time`
---@field sure boolean a field of a format says so; otherwise it is a guess
---@field why string what it was seen by

-- Longer texts are not looked into.
local LONGEST <const> = 20000

---@param name string
---@param why string
---@return bq.diff.Cause
function cause.sure(name, why)
  return { name = name, sure = true, why = why }
end

---@param name string
---@param why string
---@return bq.diff.Cause
function cause.likely(name, why)
  return { name = name, sure = false, why = why }
end

--- Text for a message: one line, not too long.
local function short(text)
  text = text:gsub("%s+", " ")
  return #text > 60 and text:sub(1, 57):gsub("[\x80-\xff]*$", "") .. "…" or text
end

--- The middle parts in which two texts differ, at the borders of words.
---@param a string
---@param b string
---@return string
---@return string
function cause.middle(a, b)
  local first, last = 1, 0
  local most = math.min(#a, #b)
  while first <= most and a:byte(first) == b:byte(first) do
    first = first + 1
  end
  while last <= most - first and a:byte(#a - last) == b:byte(#b - last) do
    last = last + 1
  end
  while first > 1 and a:sub(first - 1, first - 1):find "[^%s\"'()=]" do
    first = first - 1
  end
  while last > 0 and a:sub(#a - last + 1, #a - last + 1):find "[^%s\"'()=]" do
    last = last - 1
  end
  return a:sub(first, #a - last), b:sub(first, #b - last)
end

local function shown(a, b)
  local from, to = cause.middle(a, b)
  return ("`%s` → `%s`"):format(short(from), short(to))
end

--- Whether two texts have the same words in another order.
local function is_reordered(a, b)
  local sorted, plain = {}, {}
  for index, text in ipairs { a, b } do
    local words = {}
    for word in text:gmatch "[^%s,;:{}%[%]()|]+" do
      words[#words + 1] = word
    end
    plain[index] = table.concat(words, "\0")
    table.sort(words)
    sorted[index] = table.concat(words, "\0")
  end
  return sorted[1] == sorted[2] and plain[1] ~= plain[2]
end

--- A time zone, if both say the same time in another one: where a zone has no offset, if the clocks differ by whole quarters.
local function zone(a, b)
  local ours, one, offset = times.clock(a)
  local theirs, other, to = times.clock(b)
  if not ours or not theirs or one == other then
    return false
  elseif offset and to then
    return (ours - offset - theirs + to) % 86400 == 0
  end
  return (ours - theirs) % 900 == 0
end

--- The kinds without which the texts are not equal; `nil` if all together do not explain the difference.
local function combined(a, b)
  local function apply(without)
    local one, two = a, b
    for index, kind in ipairs(masks.KINDS) do
      if not kind.is_weak and not without[index] then
        one, two = kind.mask(one), kind.mask(two)
      end
    end
    return one == two
  end
  if not apply {} then
    return nil
  end
  local without, out = {}, {}
  for index = #masks.KINDS, 1, -1 do
    without[index] = true
    if not masks.KINDS[index].is_weak and not apply(without) then
      without[index] = nil
      table.insert(out, 1, masks.KINDS[index])
    end
  end
  return out
end

--- Guesses why two texts differ.
---@param a string
---@param b string
---@return bq.diff.Cause[] # empty if no cause is known
function cause.of(a, b)
  if #a > LONGEST or #b > LONGEST or a == b then
    return {}
  end
  if is_reordered(a, b) then
    return { cause.likely("an order", shown(a, b)) }
  end
  for _, kind in ipairs(masks.KINDS) do
    if kind.mask(a) == kind.mask(b) then
      if kind.is_weak then
        return {}
      elseif kind.name == "a time" and zone(a, b) then
        return { cause.likely("a time zone", shown(a, b)) }
      end
      return { cause.likely(kind.name, shown(a, b)), kind.also and cause.likely(kind.also, shown(a, b)) or nil }
    end
  end
  local out, seen = {}, {}
  for _, kind in ipairs(combined(a, b) or {}) do
    if not seen[kind.name] then
      seen[kind.name] = true
      out[#out + 1] = cause.likely(kind.name, shown(a, b))
    end
  end
  return out
end

-- Seconds since 1970 that a file's number is taken for: 2010 to 2036, and not further from each other than three years.
local FIRST <const>, LAST <const>, APART <const> = 1262304000, 2085978496, 3 * 366 * 86400

--- Whether two numbers may be times, as seconds since 1970.
---@param a integer
---@param b integer
---@return boolean
function cause.are_times(a, b)
  return a >= FIRST and a < LAST and b >= FIRST and b < LAST and math.abs(a - b) < APART
end

--- A time for people.
---@param seconds integer
---@return string
function cause.date(seconds)
  local ok, text = pcall(os.date, "!%Y-%m-%d %H:%M:%S", seconds)
  return ok and text --[[@as string]] or tostring(seconds)
end

local OTHERS <const> = tonumber("077", 8)
local ALL <const> = tonumber("777", 8)
-- The umasks that are in use, also as seen by files that nobody executes.
local USUAL <const> = {}
for _, text in ipairs { "0", "2", "6", "7", "22", "26", "27", "66", "67", "77" } do
  USUAL[tonumber(text, 8)] = true
end

--- The umask that a mode was made with: the bits that programs ask for and it lacks. Folders and programs ask for 777, others for 666.
local function umask(mode, is_dir)
  local asked = (is_dir or mode & tonumber("100", 8) ~= 0) and ALL or tonumber("666", 8)
  return asked & ~mode
end

--- Guesses whether modes differ by the umask they were made with: all of them in the same way.
---@param changes { a: integer, b: integer, type: string }[]
---@return bq.diff.Cause?
function cause.of_modes(changes)
  local ours, theirs = {}, {}
  for _, one in ipairs(changes) do
    local is_dir = one.type == "dir"
    if (one.a ~ one.b) & ~OTHERS ~= 0 then
      return nil
    end
    -- A umask of files only says nothing of the bits to execute.
    local known = (is_dir or one.a & tonumber("100", 8) ~= 0) and OTHERS or tonumber("066", 8)
    for side, mode in pairs { [ours] = one.a, [theirs] = one.b } do
      local mask = umask(mode, is_dir) & known
      if side.mask and side.mask & known & side.known ~= mask & side.known then
        return nil
      end
      side.mask, side.known = (side.mask or 0) | mask, (side.known or 0) | known
    end
  end
  if not ours.mask or not USUAL[ours.mask] or not USUAL[theirs.mask] then
    return nil
  end
  return cause.likely(
    "a umask",
    ("the modes of %s are those of umask %03o → %03o"):format(report.count(#changes, "path"), ours.mask, theirs.mask)
  )
end

--- Adds causes to a list, each name once; one that is sure replaces a guess.
---@param list bq.diff.Cause[] changed
---@param more bq.diff.Cause[]
function cause.add(list, more)
  for _, one in ipairs(more) do
    local is_new = true
    for index, old in ipairs(list) do
      if old.name == one.name then
        is_new = false
        if one.sure and not old.sure then
          list[index] = one
        end
      end
    end
    if is_new then
      list[#list + 1] = one
    end
  end
end

return cause
