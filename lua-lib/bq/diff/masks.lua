-- What two texts may differ in without meaning anything else: each kind hides what it knows, and where the rest is equal, it is
-- likely the cause.
local times = require "bq.diff.times"

local masks = {}

local set, HIDDEN <const> = times.set, times.HIDDEN

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
local MODES <const> = set "umask mode modes perm perms permissions"
local HOSTS <const> = set "host hostname machine node on buildhost nodename"
local CORES <const> = set "jobs job cores core cpus cpu nproc threads processors parallel workers"
local PROCESSES <const> = set "pid ppid process"

-- What `ls -l` shows of a file: its mode, and after the number of its names its owners.
local MODE <const> = "[-dlcbps][r-][w-][xsS-][r-][w-][xsS-][r-][w-][xtT-]"

--- Hides what looks random: digits and letters in both cases, or hexadecimal digits, without a word among them.
local function identifiers(text)
  text = text:gsub("%x%x%x%x%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x", HIDDEN)
  text = text:gsub("%f[%w]%x%x%x%x%x%x%x%x+%f[%W]", function(digits)
    return (#digits >= 12 or digits:find "%d" and digits:find "%a") and HIDDEN or nil
  end)
  -- At the end of a symbol that rustc made.
  text = text:gsub("17h%x%x%x%x%x%x%x%x%x%x%x%x%x%x%x%xE", HIDDEN)
  text = text:gsub("[%w+/_-]+=*", function(word)
    return #word >= 16 and word:find "%d" and word:find "%l" and word:find "%u" and HIDDEN or nil
  end)
  return text
end

--- Whether a word looks like what mkstemp(3) puts into a name: letters of both cases, or digits among them or many of them.
local function is_random(word)
  return #word >= 6 and (word:find "%l" and word:find "%u" or word:find "%d+%a" or word:find "%d%d%d") and true or false
end

--- Hides the parts of names that are made for temporary files: by compilers, by mktemp(1) and by the number of a process.
local function temporary(text)
  text = text:gsub("%f[%w]cc(%w%w%w%w%w%w)%f[%W]", function(word)
    return is_random(word) and "cc" .. HIDDEN or nil
  end)
  text = text:gsub("(tmp/)([%w+-]+)%f[^%w+-]", function(folder, word)
    return is_random(word) and folder .. HIDDEN or nil
  end)
  text = text:gsub("(tmp/[%w_+-]*[._-])(%w+)%f[^%w_-]", function(name, word)
    return (not word:find "%D" or is_random(word)) and name .. HIDDEN or nil
  end)
  return (text:gsub("%f[%w]tmp[%w._]*", HIDDEN))
end

local QUOTES <const> =
  { ["‘"] = "'", ["’"] = "'", ["“"] = '"', ["”"] = '"', ["`"] = "'", ["«"] = '"', ["»"] = '"' }

--- Shows characters as an encoding may: each that is not ASCII, or stands for one, becomes a question mark.
local function encodings(text)
  text = text:gsub("^\xef\xbb\xbf", "")
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
masks.IDENTIFIER = "a random identifier, or a digest"

---@class bq.diff.Kind
---@field name string what messages call it
---@field mask fun(text: string): string
---@field also? string another name that it has
---@field is_weak? boolean it says where the texts differ, not why

--- All kinds; the first that explains a pair is taken.
---@type bq.diff.Kind[]
masks.KINDS = {
  {
    name = "a time",
    mask = function(text)
      return times.hide(text)
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
      return times.hide(times.hide_foreign(text))
    end,
  },
  {
    name = "a processor's feature (-march)",
    mask = function(text)
      return (text:gsub("%s*%f[-]%-m[%w.-]+=?[%w.+_-]*", ""):gsub("%-%-?target%-cpu[= ]%S+", ""))
    end,
  },
  {
    name = "a umask",
    mask = function(text)
      return (named(text:gsub(MODE, HIDDEN), MODES))
    end,
  },
  {
    name = "a user",
    mask = function(text)
      text = text:gsub("(" .. MODE .. "[+.]?%s+%d+%s+)[%w._-]+%s+[%w._-]+", "%1\1")
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
    name = "a temporary name",
    mask = temporary,
  },
  {
    name = "a user",
    also = "a path",
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
    name = masks.IDENTIFIER,
    mask = identifiers,
  },
  {
    name = masks.VERSION,
    mask = function(text)
      text = text:gsub("%f[%d]%d+%.%d+[%w.+~:-]*", HIDDEN):gsub("%.so%.%d[%d.]*", HIDDEN)
      return (text:gsub("([vV]ersion%s*[=:]?%s*[\"']?)%d+", "%1\1"):gsub("%f[%w]v%d+%f[%W]", HIDDEN))
    end,
  },
  {
    name = "a path",
    mask = function(text)
      -- Also lists of them, of any length.
      return (paths(text, true):gsub("\1[:;\1]*\1", HIDDEN))
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
      -- The frontier is not seen at the beginning of a text: the NUL that stands for it is no space.
      return ((" " .. text):gsub("%s*%f[%S]['\"]?%-[%a][%w=+,./:_-]*['\"]?", ""))
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
    name = "an address in memory",
    mask = function(text)
      -- Where Linux puts programs, libraries and stacks on x86-64 and aarch64.
      return (text:gsub("0x[57fa][%x][%x][%x][%x][%x][%x][%x][%x][%x][%x][%x]%f[%X]", HIDDEN))
    end,
  },
  {
    name = "a number in hexadecimal digits",
    is_weak = true,
    mask = function(text)
      return (text:gsub("0x%x+", HIDDEN))
    end,
  },
  {
    name = "the ends of lines (CR LF)",
    mask = function(text)
      return (text:gsub("\r+\n", "\n"):gsub("\r+$", ""))
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

return masks
