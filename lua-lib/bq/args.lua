-- The command line of a program: options with one line of help each, errors that name the nearest option. What it does not
-- say comes from the environment or the user's configuration.
local config = require "bq.config"
local events = require "bq.events"
local fail = require "bq.fail"
local fs = require "bq.fs"
local log = require "bq.log"
local nearest = require "bq.nearest"
local process = require "bq.process"

---@class bq.Option
---@field name string without the dashes: `output`
---@field value? string what its value is called in the help: `FILE`; without it the option is a flag
---@field help string one line
---@field many? boolean may be given more than once: the result is a list
---@field ordered? boolean of `many`: the result has them in `ordered`, too, with others of this kind as the command line has them
---@field once? boolean counts for one run: `args.words` leaves it out
---@field number? boolean its value is a whole number from 1 up
---@field writes? boolean its value is a file that is written in the end: whether it can be is looked at in the beginning
---@field endings? string[] of `writes`: its name ends in one of them
---@field default? string|integer shown in the help, and the result if the option is not given
---@field variable? string of the environment, which says the value if the command line does not
---@field separator? string the character between several values in the variable

---@class bq.Usage
---@field usage string the line after `usage:`
---@field about string one sentence
---@field group? string the group in which `bq --list` shows the program, of `bq.programs.GROUPS`
---@field options bq.Option[]
---@field positional? string the name of further words, `NAME...`; without it there may be none
---@field rest? boolean what follows `--` goes into `rest`
---@field choices? table<string, string[]> values of options by name, for completion

local args = {}

-- What Ctrl-C says of a program that takes long.
local STOPPED <const> = "\nwarning: stopped by Ctrl-C: what is finished is kept; go on by the same command\n"

--- Takes what the next program says of its command line, instead of running the program; see `bq.programs`.
---@type (fun(usage: bq.Usage))?
args.asked = nil

--- What an option is if the command line does not say it: by the environment, else by the user's configuration.
---@param option bq.Option
---@return any value `nil` if neither says it
---@return string? from
local function of_user(option)
  local text = option.variable and os.getenv(option.variable)
  if text and text ~= "" and option.many then
    local out = {}
    for one in text:gmatch(("[^%s]+"):format(option.separator)) do
      out[#out + 1] = one
    end
    return out, "$" .. option.variable
  elseif text and text ~= "" then
    return option.value and text or true, "$" .. option.variable
  end
  local value = config.default(option.name)
  if type(value) == "string" and option.many then
    value = { value }
  end
  return value, value ~= nil and config.path() or nil
end

local function describe(option)
  local left = "--" .. option.name .. (option.value and " " .. option.value or "")
  local value, from = of_user(option)
  if value ~= nil then
    value = type(value) == "table" and table.concat(value, " ") or tostring(value)
    return left, ("%s [default: %s, from %s]"):format(option.help:gsub(" %[default: [^%]]*%]", ""), value, from)
  end
  local default = option.default and (" [default: %s]"):format(option.default) or ""
  return left, option.help .. default
end

--- One line about an option.
---@param option bq.Option
---@return string
function args.option(option)
  local left, help = describe(option)
  return left .. "  " .. help
end

--- The text of `--help`.
---@param usage bq.Usage
---@return string
function args.help(usage)
  local lines = { usage.about, "", "usage: " .. usage.usage, "", "options:" }
  local width = #"--help"
  for _, option in ipairs(usage.options) do
    width = math.max(width, #describe(option))
  end
  local format = "  %-" .. width .. "s  %s"
  for _, option in ipairs(usage.options) do
    lines[#lines + 1] = format:format(describe(option))
  end
  lines[#lines + 1] = format:format("--help", "show this text")
  return table.concat(lines, "\n")
end

local function convert(option, text)
  if not option.number then
    return text
  end
  local number = math.tointeger(tonumber(text))
  if not number or number < 1 then
    fail.usage(("`--%s` wants a whole number from 1 up, not `%s`"):format(option.name, text))
  end
  return number
end

--- Refuses a file that could not be written after all the work.
local function check_written(option, path)
  local function refuse(why, hint)
    fail.usage(("`--%s %s`: %s"):format(option.name, args.quote(path), why), hint)
  end
  local stat, folder = fs.stat(path), fs.stat(path:match "^(.*/)[^/]*$" or ".")
  if path == "" then
    refuse("a file has a name", ("`--%s %s`"):format(option.name, option.value))
  elseif path:find "/$" or stat and stat.type == "dir" then
    refuse "it is a folder, and a file is to be written"
  elseif not folder or folder.type ~= "dir" then
    refuse "there is no such folder"
  end
  for _, ending in ipairs(option.endings or {}) do
    if path:sub(-#ending) == ending then
      return
    end
  end
  if option.endings then
    refuse("its name does not say what it is", "it ends in " .. table.concat(option.endings, ", "))
  end
end

--- Reads a command line. `--help` prints the help and ends the program.
---@param usage bq.Usage
---@param words string[]
---@return table<string|integer, any> # options by name, with `_` for `-`; further words by number
function args.parse(usage, words)
  if args.asked then
    args.asked(usage)
  end
  local known, result, given = {}, { rest = nil }, {}
  for _, option in ipairs(usage.options) do
    known[option.name] = option
    local key = option.name:gsub("-", "_")
    result[key] = option.default
    if option.many then
      result[key] = {}
    end
    result.ordered = result.ordered or option.ordered and {} or nil
  end
  local index = 1
  while index <= #words do
    local word = words[index]
    local name, inline = word:match "^%-%-([^=]+)=?(.*)$"
    if word == "--" then
      if not usage.rest then
        fail.usage "nothing may follow `--` here"
      end
      result.rest = { table.unpack(words, index + 1) }
      break
    elseif word == "--help" or word == "-h" then
      log.out(args.help(usage))
      fail.exit(0)
    elseif name then
      local option = known[name]
      if not option then
        local near = nearest(name, known)
        fail.usage(
          ("unknown option `--%s`"):format(name),
          near and ("did you mean `--%s`?"):format(near) or "`--help` lists the options"
        )
      end
      local key = name:gsub("-", "_")
      given[name] = true
      if not option.value then
        if word:find "=" then
          fail.usage(("`--%s` takes no value"):format(name))
        end
        result[key] = true
      else
        if not word:find "=" then
          index = index + 1
          inline = words[index]
          if not inline then
            fail.usage(("`--%s` wants a value: %s"):format(name, option.value))
          elseif inline:sub(1, 2) == "--" then
            -- The value was probably forgotten: values seldom look like options.
            fail.usage(
              ("`--%s` wants a value: %s, not `%s`"):format(name, option.value, inline),
              ("if it is meant: `--%s=%s`"):format(name, inline)
            )
          end
        end
        if option.many then
          table.insert(result[key], convert(option, inline))
          if option.ordered then
            table.insert(result.ordered, { name = name, value = inline })
          end
        else
          result[key] = convert(option, inline)
        end
      end
    elseif word:sub(1, 1) == "-" and #word > 1 then
      fail.usage(("unknown option `%s`"):format(word), "`--help` lists the options")
    elseif usage.positional then
      result[#result + 1] = word
    else
      fail.usage(("unexpected word `%s`"):format(word), "`--help` shows what is expected")
    end
    index = index + 1
  end
  for _, option in ipairs(usage.options) do
    local value = not given[option.name] and of_user(option) or nil
    if value ~= nil then
      result[option.name:gsub("-", "_")] = type(value) == "string" and convert(option, value) or value
    end
    local path = option.writes and result[option.name:gsub("-", "_")]
    if path then
      check_written(option, path)
    end
  end
  if known[events.OPTION.name] == events.OPTION then
    process.on_interrupt(STOPPED)
    if result[events.OPTION.name] then
      events.begin()
    end
  end
  return result
end

--- The command line for parsed options, without the options that count for one run.
---@param options bq.Option[]
---@param values table<string|integer, any> by name, with `_` replacing `-`
---@return string[]
function args.words(options, values)
  local words = {}
  for _, option in ipairs(options) do
    local value = values[option.name:gsub("-", "_")]
    if value and not option.once then
      for _, one in ipairs(option.many and value or { value }) do
        words[#words + 1] = option.value and ("--%s=%s"):format(option.name, one) or "--" .. option.name
      end
    end
  end
  return words
end

--- Some of the options of a program, for another one that runs it.
---@param options bq.Option[]
---@param names string[]
---@return bq.Option[]
function args.pick(options, names)
  local by_name, out = {}, {}
  for _, option in ipairs(options) do
    by_name[option.name] = option
  end
  for index, name in ipairs(names) do
    out[index] = by_name[name]
  end
  return out
end

--- A word for a shell: in quotes if needed.
---@param word string
---@return string
function args.quote(word)
  return word:find "^[%w_./:=,+@%%-]+$" and word or "'" .. word:gsub("'", "'\\''") .. "'"
end

--- The words of a comma-separated list, from one or more options.
---@param values string[]
---@return string[]
function args.list(values)
  local out = {}
  for _, value in ipairs(values) do
    for word in value:gmatch "[^,%s]+" do
      out[#out + 1] = word
    end
  end
  return out
end

return args
