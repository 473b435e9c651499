-- The programs, and what each says of itself: `bq --list`, `bq help WORD`.
local args = require "bq.args"
local fail = require "bq.fail"
local files = require "bq.files"
local host = require "bq.host"
local log = require "bq.log"
local tables = require "bq.tables"

local programs = {}

--- The groups of programs, in the order in which they are shown.
---@type [string, string][]
programs.GROUPS = {
  { "make", "make a system" },
  { "look", "look at a build" },
  { "recipes", "work on recipes and seeds" },
  { "share", "stores and caches" },
  { "machine", "this machine" },
  { "more", "more" },
}

--- The names of the programs, sorted: those of the folders, and those of the bundle.
---@return string[]
function programs.names()
  local found = {}
  for _, folder in ipairs(host.program_folders) do
    for _, file in ipairs(files.list(folder)) do
      found[file:match "^([%w_-]+)%.lua$" or ""] = true
    end
  end
  for _, name in ipairs(host.bundle()) do
    found[name:match "^%$/scripts/([%w_-]+)%.lua$" or ""] = true
  end
  found[""] = nil
  return tables.names(found)
end

--- The text of a program, and its path.
local function text_of(name)
  for _, folder in ipairs(host.program_folders) do
    local path = ("%s/%s.lua"):format(folder, name)
    local text = files.read(path)
    if text then
      return text, "@" .. path
    end
  end
  local path = ("$/scripts/%s.lua"):format(name)
  return host.bundled(path), "@" .. path
end

--- What a program says of its command line; `nil` if it says nothing. The program is not run: its first call of `args.parse`
--- ends it.
---@param name string
---@return bq.Usage?
function programs.usage(name)
  local text, path = text_of(name)
  local chunk = text and load(files.chunk(text), path, "t")
  if not chunk then
    return nil
  end
  local found
  local before, words = args.asked, arg
  args.asked = function(usage)
    found = usage
    error(usage, 0)
  end
  rawset(_G, "arg", { [0] = path:sub(2) })
  pcall(chunk)
  args.asked = before
  rawset(_G, "arg", words)
  return found
end

--- All programs with what they say of themselves.
---@return { name: string, usage: bq.Usage }[]
function programs.all()
  local out = {}
  for _, name in ipairs(programs.names()) do
    local usage = programs.usage(name)
    if usage then
      out[#out + 1] = { name = name, usage = usage }
    end
  end
  return out
end

--- The group that a program is shown in.
---@param usage bq.Usage
---@return string
local function group_of(usage)
  for _, group in ipairs(programs.GROUPS) do
    if group[1] == usage.group then
      return usage.group
    end
  end
  return "more"
end

--- Words over several lines, each after a margin.
---@param text string
---@param first string what the first line begins with
---@param columns integer
---@return string
local function wrapped(text, first, columns)
  local margin, lines, line = (" "):rep(#first), {}, first
  for word in text:gmatch "%S+" do
    if #line + #word > columns and line ~= first and line ~= margin then
      lines[#lines + 1] = (line:gsub("%s+$", ""))
      line = margin
    end
    line = line .. word .. " "
  end
  lines[#lines + 1] = (line:gsub("%s+$", ""))
  return table.concat(lines, "\n")
end

--- All programs, in groups, and what each is for.
---@return string
function programs.list()
  local all, columns = programs.all(), math.min(math.max(log.terminal().columns, 40), 120)
  local width, parts = 0, {} ---@type integer, string[]
  for _, one in ipairs(all) do
    width = math.max(width, #one.name)
  end
  for _, group in ipairs(programs.GROUPS) do
    local lines = {}
    for _, one in ipairs(all) do
      if group_of(one.usage) == group[1] then
        lines[#lines + 1] = wrapped(one.usage.about, ("  %-" .. width .. "s  "):format(one.name), columns)
      end
    end
    parts[#parts + 1] = #lines > 0 and group[2] .. ":\n" .. table.concat(lines, "\n") or nil
  end
  parts[#parts + 1] = "`bq NAME --help` shows the options of one, `bq help WORD` finds a word in all of them"
  return table.concat(parts, "\n\n")
end

--- Whether a text has a word, whatever the case.
local function has(text, word)
  return text:lower():find(word:lower(), 1, true) ~= nil
end

--- Shows the programs and options that have to do with a word; of a program's name, its help.
---@param word string
local function find(word)
  local name = word:gsub("^scripts/", ""):gsub("%.lua$", "")
  local found = 0
  for _, one in ipairs(programs.all()) do
    if one.name == name then
      log.out(args.help(one.usage))
      return
    end
    local lines = {}
    for _, option in ipairs(one.usage.options) do
      if has("--" .. option.name .. " " .. option.help, word) then
        lines[#lines + 1] = args.option(option)
      end
    end
    if #lines > 0 or has(one.name .. " " .. one.usage.about, word) then
      found = found + 1
      log.out(("%sbq %s: %s"):format(found > 1 and "\n" or "", one.name, one.usage.about))
      for _, line in ipairs(lines) do
        log.out("  " .. line)
      end
    end
  end
  if found == 0 then
    fail.raise(("no program and no option says `%s`"):format(word), { hint = "`bq --list` shows the programs" })
  end
end

--- The program `help`.
---@param words string[] the command line
function programs.help(words)
  local options = args.parse({
    group = "machine",
    about = "Shows what the programs are for, or the programs and options that say a word.",
    usage = "bq scripts/help.lua [WORD...]",
    options = {},
    positional = "WORD",
  }, words)
  if #options == 0 then
    log.out(programs.list())
  else
    find(table.concat(options, " "))
  end
end

return programs
