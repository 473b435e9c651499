-- Times in texts: dates, clocks, zones, names of days and months, seconds since 1970.
local times = {}

--- What stands for a hidden value; no text that is compared has it.
times.HIDDEN = "\1"
local HIDDEN <const> = times.HIDDEN

--- A set of words.
---@param words string
---@return table<string, true>
function times.set(words)
  local out = {}
  for word in words:gmatch "%S+" do
    out[word] = true
  end
  return out
end

-- Names of days and months, as date(1) writes them without a locale, and in those of other languages.
local ENGLISH <const> = times.set [[
  mon tue wed thu fri sat sun monday tuesday wednesday thursday friday saturday sunday jan feb mar apr may jun jul aug sep oct nov
  dec january february march april june july august september october november december]]
local FOREIGN <const> = times.set [[
  mo di mi do fr sa so montag dienstag mittwoch donnerstag freitag samstag sonntag januar februar märz mär mai juni juli oktober
  dezember okt dez lun mar mer jeu ven sam dim lundi mardi mercredi jeudi vendredi samedi dimanche janvier février fevrier mars avril
  juin juillet août aout septembre octobre novembre décembre decembre janv févr fevr avr juil déc lunes martes miércoles miercoles
  jueves viernes sábado sabado domingo enero febrero marzo abril mayo junio julio agosto septiembre noviembre diciembre ene abr ago
  dic lunedì martedì mercoledì giovedì venerdì sabato gennaio febbraio aprile maggio giugno luglio settembre ottobre dicembre gen mag
  giu lug set ott]]
local ZONES <const> =
  times.set "UTC GMT CET CEST EST EDT CST CDT MST MDT PST PDT BST IST JST MSK EET EEST WET WEST AEST AEDT Z"

-- Zones whose offset everybody knows; other names mean several.
local OFFSETS <const> = { UTC = 0, GMT = 0, Z = 0 }

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

--- Hides dates and times, as they are written in English or by numbers.
---@param text string
---@return string
function times.hide(text)
  text = text:gsub("[12][90]%d%d([-/.])[01]%d%1[0-3]%d", HIDDEN)
  text = text:gsub("%f[%d][0-3]?%d([/.])[01]?%d%1[12][90]%d%d", HIDDEN)
  text = text:gsub("%f[%d]20%d%d[01]%d[0-3]%d[T_-]?[0-2]%d[0-5]%d[0-5]%d%f[%D]", HIDDEN)
  text = text:gsub("%f[%d]20%d%d[01]%d[0-3]%d%f[%D]", HIDDEN)
  text = text:gsub("%f[%d]%d?%d:%d%d:%d%d[.,]?%d*", HIDDEN)
  text = text:gsub("%f[%d][012]?%d:[0-5]%d%f[^%d:]", HIDDEN)
  return join(hide_epochs(hide_words(text, ENGLISH)))
end

--- Hides the names of days and months of other languages.
---@param text string
---@return string
function times.hide_foreign(text)
  return hide_words(text, FOREIGN)
end

--- The first time of a text that has a zone: `nil` if there is none.
---@param text string
---@return integer? seconds of its clock since midnight
---@return string? zone
---@return integer? offset of the zone, in seconds, if it is a number
function times.clock(text)
  for hour, minute, at in text:gmatch "%f[%d](%d%d):(%d%d)()" do
    local second, after = text:match("^:(%d%d)[.,]?%d*()", at)
    local zone = text:match("^%s?([+-]?[%w:]*)", after or at)
    local sign, hours, minutes = zone:match "^([+-])(%d%d):?(%d%d)"
    if sign or ZONES[zone] then
      local offset = sign and (hours * 3600 + minutes * 60) * (sign == "-" and -1 or 1)
      return hour * 3600 + minute * 60 + (second or 0) // 1, zone, offset or OFFSETS[zone]
    end
  end
end

return times
