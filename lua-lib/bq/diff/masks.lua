-- What two texts may differ in without meaning anything else: each kind hides what it knows, and where the rest is equal, it is
-- likely the cause.
local masks = {}

-- What hides a value; no text that is compared has it.
local HIDDEN <const> = "\1"

local function set(words)
  local out = {}
  for word in words:gmatch "%S+" do
    out[word] = true
  end
  return out
end

-- Names of days and months, as date(1) writes them without a locale, and in those of other languages.
local ENGLISH <const> = set [[
  mon tue wed thu fri sat sun monday tuesday wednesday thursday friday saturday sunday jan feb mar apr may jun jul aug sep oct nov
  dec january february march april june july august september october november december]]
local FOREIGN <const> = set [[
  mo di mi do fr sa so montag dienstag mittwoch donnerstag freitag samstag sonntag januar februar märz mär mai juni juli oktober
  dezember okt dez lun mar mer jeu ven sam dim lundi mardi mercredi jeudi vendredi samedi dimanche janvier février fevrier mars avril
  juin juillet août aout septembre octobre novembre décembre decembre janv févr fevr avr juil déc lunes martes miércoles miercoles
  jueves viernes sábado sabado domingo enero febrero marzo abril mayo junio julio agosto septiembre noviembre diciembre ene abr ago
  dic lunedì martedì mercoledì giovedì venerdì sabato gennaio febbraio aprile maggio giugno luglio settembre ottobre dicembre gen mag
  giu lug set ott]]
local ZONES <const> =
  set "UTC GMT CET CEST EST EDT CST CDT MST MDT PST PDT BST IST JST MSK EET EEST WET WEST AEST AEDT Z"

--- Hides the words of a set; a word may have letters of UTF-8 and a point at its end.
local function hide_words(text, words)
  return (
    text:gsub("%f[%a\x80-\xff]([%a\x80-\xff]+)%.?", function(word)
      return words[word:lower()] and HIDDEN or nil
    end)
  )
end

--- Hides what stands beside something hidden and belongs to a time: a day, a year, a zone.
local function join(text)
  for _ = 1, 3 do
    text = text:gsub("\1([%s,.T_]*)\1", HIDDEN)
    text = text:gsub("\1([%s,]+)[12][90]%d%d%f[%D]", HIDDEN)
    text = text:gsub("%f[%d][12][90]%d%d([%s,]+)\1", HIDDEN)
    text = text:gsub("\1([%s,]+)%d%d?%.?%f[^%d.]", HIDDEN)
    text = text:gsub("%f[%d]%d%d?%.?([%s,]+)\1", HIDDEN)
    text = text:gsub("\1 ?[+-]%d%d:?%d%d%f[%D]", HIDDEN)
    text = text:gsub("\1 ?%f[%a](%a+)", function(word)
      return (ZONES[word] or word == "AM" or word == "PM") and HIDDEN or nil
    end)
  end
  return text
end

--- A count of seconds, milliseconds or nanoseconds since 1970 that lies between 2001 and 2033.
local function hide_epochs(text)
  return (
    text:gsub("%f[%w]%d+%f[^%w]", function(digits)
      local is_one = digits:find "^1" and (#digits == 10 or #digits == 13 or #digits == 16 or #digits == 19)
      return is_one and HIDDEN or nil
    end)
  )
end

--- Hides dates and times.
local function times(text, words)
  text = text:gsub("[12][90]%d%d([-/.])[01]%d%1[0-3]%d", HIDDEN)
  text = text:gsub("%f[%d][0-3]?%d([/.])[01]?%d%1[12][90]%d%d", HIDDEN)
  text = text:gsub("%f[%d]20%d%d[01]%d[0-3]%d[T_-]?[0-2]%d[0-5]%d[0-5]%d%f[%D]", HIDDEN)
  text = text:gsub("%f[%d]20%d%d[01]%d[0-3]%d%f[%D]", HIDDEN)
  text = text:gsub("%f[%d]%d?%d:%d%d:%d%d[.,]?%d*", HIDDEN)
  text = text:gsub("%f[%d][012]?%d:[0-5]%d%f[^%d:]", HIDDEN)
  return join(hide_epochs(hide_words(text, words)))
end

-- The characters of a path.
local PART <const> = "[%w._+@~%%=,-]"

--- Hides the folders of paths, and the paths as a whole if asked for.
local function paths(text, whole)
  return (
    text:gsub("%.?%.?/" .. PART .. "[%w._+@~%%=,/-]*", function(path)
      return whole and HIDDEN or HIDDEN .. (path:match "[^/]*$")
    end)
  )
end

--- Hides the values of words that name somebody or something.
local function named(text, words)
  local out, at = {}, 1
  while true do
    local first, last, word = text:find("%f[%a](%a+)", at)
    if not first then
      return table.concat(out) .. text:sub(at)
    end
    local value, finish = text:match("^[%s:=\"'>]+()[%w._-]+()", last + 1)
    if words[word:lower()] and value then
      out[#out + 1] = text:sub(at, value - 1) .. HIDDEN
      at = finish
    else
      out[#out + 1] = text:sub(at, last)
      at = last + 1
    end
  end
end

local USERS <const> =
  set "user username logname builder packager author owner by uid gid group login maintainer uname gname"
local HOSTS <const> = set "host hostname machine node on buildhost nodename"
local CORES <const> = set "jobs job cores core cpus cpu nproc threads processors parallel workers"
local PROCESSES <const> = set "pid ppid process"

local QUOTES <const> =
  { ["‘"] = "'", ["’"] = "'", ["“"] = '"', ["”"] = '"', ["`"] = "'", ["«"] = '"', ["»"] = '"' }

--- Shows characters as an encoding may: each that is not ASCII, or stands for one, becomes a question mark.
local function encodings(text)
  for from, to in pairs(QUOTES) do
    text = text:gsub(from, to)
  end
  text = text:gsub("\\x%x%x", "?"):gsub("\\u%x%x%x%x", "?"):gsub("<U%+?%x%x%x%x>", "?"):gsub("\\[0-3][0-7][0-7]", "?")
  return (text:gsub("[\xc2-\xf4][\x80-\xbf]+", "?"):gsub("[\x80-\xff]", "?"):gsub("%?+", "?"))
end

--- Numbers without what locales put into them.
local function numbers(text)
  for _ = 1, 3 do
    text = text:gsub("(%d)[.,' ](%d%d%d)%f[%D]", "%1%2")
  end
  return (text:gsub("(%d),(%d)", "%1.%2"))
end

local function locale_names(text)
  text = text:gsub("(L[AC][N_][%w_]*[=:%s\"']+)[%w_.@-]+", "%1\1")
  return (
    text:gsub("%f[%a]%l%l_%u%u[%w.@-]*", HIDDEN):gsub("%f[%a]C%.UTF%-8", HIDDEN):gsub("%f[%a]POSIX%f[%A]", HIDDEN)
  )
end

masks.VERSION = "a version of a tool or package"

---@class bq.diff.Kind
---@field name string what messages call it
---@field mask fun(text: string): string
---@field is_weak? boolean it says where the texts differ, not why

--- All kinds; the first that explains a pair is taken.
---@type bq.diff.Kind[]
masks.KINDS = {
  {
    name = "a time",
    mask = function(text)
      return times(text, ENGLISH)
    end,
  },
  {
    name = "a time",
    mask = function(text)
      -- How long something took.
      return (text:gsub("%d+%.?%d*( ?)([mnu]?s)%f[%W]", HIDDEN):gsub("%d+%.?%d*( ?)(sec%a*)", HIDDEN))
    end,
  },
  {
    name = "a locale",
    mask = function(text)
      return numbers(encodings(locale_names(text)))
    end,
  },
  {
    name = "a locale",
    mask = function(text)
      return times(hide_words(text, FOREIGN), ENGLISH)
    end,
  },
  {
    name = "a processor's feature (-march)",
    mask = function(text)
      return (text:gsub("%s*%f[-]%-m[%w.-]+=?[%w.+_-]*", ""):gsub("%-%-?target%-cpu[= ]%S+", ""))
    end,
  },
  {
    name = "a user",
    mask = function(text)
      return (text:gsub("[%w._-]+@", HIDDEN .. "@"))
    end,
  },
  {
    name = "a host's name",
    mask = function(text)
      return (text:gsub("@[%w._-]+", "@" .. HIDDEN))
    end,
  },
  {
    name = "a user",
    mask = function(text)
      return (text:gsub("/home/[%w._-]+", HIDDEN):gsub("/Users/[%w._-]+", HIDDEN):gsub("%f[/]/root%f[^%w]", HIDDEN))
    end,
  },
  {
    name = masks.VERSION,
    mask = function(text)
      -- In a path of an installed tool.
      return (text:gsub("(/[%w._+-]*lib[%w._/+-]-/)%d[%d.]*%f[^%w.]", "%1\1"))
    end,
  },
  {
    name = "a path",
    mask = paths,
  },
  {
    name = "the running kernel",
    mask = function(text)
      return (
        text
          :gsub("(Linux[%s%a]*) %d+%.%d+[%w.+~-]*", "%1 \1")
          :gsub("%f[%d]%d+%.%d+%.%d+[%w.+~]*%-[%w.+~-]*%l+[%w.+~-]*", HIDDEN)
      )
    end,
  },
  {
    name = masks.VERSION,
    mask = function(text)
      text = text:gsub("%f[%d]%d+%.%d+[%w.+~:-]*", HIDDEN)
      return (text:gsub("([vV]ersion%s*[=:]?%s*[\"']?)%d+", "%1\1"):gsub("%f[%w]v%d+%f[%W]", HIDDEN))
    end,
  },
  {
    name = "a path",
    mask = function(text)
      return paths(text, true)
    end,
  },
  {
    name = "an identifier: random, or a digest of something else",
    mask = function(text)
      text = text:gsub("%x%x%x%x%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x", HIDDEN)
      text = text:gsub("%f[%x]%x%x%x%x%x%x%x%x%x%x%x%x+%f[%X]", HIDDEN)
      return (text:gsub("%f[%w]tmp[%w._]*", HIDDEN))
    end,
  },
  {
    name = "the number of processors",
    mask = function(text)
      text = named(text, CORES):gsub("%-j ?%d+", HIDDEN)
      return (text:gsub("%d+ ?(%a+)", function(word)
        return CORES[word:lower()] and HIDDEN or nil
      end))
    end,
  },
  {
    name = "the number of a process",
    mask = function(text)
      return named(text, PROCESSES)
    end,
  },
  {
    name = "options of the compiler",
    mask = function(text)
      return (text:gsub("%s*%f[%S]%-[%a][%w=+,./:_-]*", ""))
    end,
  },
  {
    name = "a user",
    mask = function(text)
      return named(text, USERS)
    end,
  },
  {
    name = "a host's name",
    mask = function(text)
      return named(text, HOSTS)
    end,
  },
  {
    name = "a time",
    mask = function(text)
      -- A year alone.
      return (text:gsub("%f[%d]20[0-4]%d%f[%D]", HIDDEN))
    end,
  },
  {
    name = "an address in memory, or a number",
    is_weak = true,
    mask = function(text)
      return (text:gsub("0x%x+", HIDDEN))
    end,
  },
  {
    name = "white space, or the ends of lines",
    mask = function(text)
      return (text:gsub("%s+", " "):gsub("^ ", ""):gsub(" $", ""))
    end,
  },
  {
    name = "a number",
    is_weak = true,
    mask = function(text)
      return (text:gsub("%d+", HIDDEN))
    end,
  },
}

--- The zone of a time, with all that is not of the minute: `nil` if the text has none.
---@param text string
---@return string? minutes and seconds of its clock
---@return string? zone
function masks.clock(text)
  local hour, rest, zone = text:match "(%d%d):(%d%d:%d%d)[.%d]*%s?([+-]?[%w:]*)"
  if hour and (ZONES[zone] or zone:find "^[+-]%d%d:?%d%d$") then
    return rest, zone
  end
end

return masks
