-- Runs commands in a shell on a serial console, with their output and exit status.
--
-- A command's output and status lie between two lines with a random word, which is not known before. The word stands in two parts
-- in the line that is typed, so the terminal's echo of that line is not taken for it; the command gets it neither by its
-- arguments nor by its environment nor by its input. The command is typed in escapes, so it may have any characters.
local console = require "bq.image.console"
local fail = require "bq.fail"
local hex = require "bq.hex"

local shell = {}

-- How long a prompt has to stand at the end of what was said, in seconds: then it is one.
local QUIET <const> = 0.5
-- busybox takes lines of up to 1024 bytes; what stands around a piece has about 250.
local LINE <const> = 700
local LOGIN_HINT <const> = "log in by `--wait-for 'login: ' --type NAME` and so on, before `--run`"

--- A word that nobody knows.
---@return string first
---@return string second
local function random()
  local file <close> = assert(io.open("/dev/urandom", "rb"))
  return hex(file:read(8)), hex(file:read(8))
end

--- Finds a prompt: the last line ends in `# ` or `$ `, and nothing more is said.
---@param text string
---@param at integer
---@param quiet number
local function prompt(text, at, quiet)
  if quiet < QUIET then
    return nil
  end
  local line = console.readable(text:sub(at)):match "[^\n]*$"
  if line:find "[#$] $" then
    return #text + 1, #text
  elseif line:find "[Ll]ogin: *$" then
    fail.raise("the console asks for a name to log in by", { hint = LOGIN_HINT })
  end
end

--- A text in escapes of printf(1), in pieces that fit a line.
---@param command string
---@return string[]
local function pieces(command)
  local out, piece = {}, ""
  for character in command:gmatch "." do
    local one = character:find "^[%w /:=,.@_-]$" and character or ("\\0%03o"):format(character:byte())
    if #piece + #one > LINE then
      out[#out + 1], piece = piece, ""
    end
    piece = piece .. one
  end
  out[#out + 1] = piece
  return out
end

--- Waits for a pattern.
local function pattern(what)
  return function(text, at)
    return text:find(what, at)
  end
end

--- The steps that run a command.
---@param command string
---@param ended fun(output: string, status: integer): boolean? `false`: nothing more is run
---@return bq.image.Step[]
function shell.steps(command, ended)
  local first, second = random()
  local steps, variable = {}, "_bq="
  local parts = pieces(command)
  for index, piece in ipairs(parts) do
    local line = ("%s'%s'"):format(variable, piece)
    if index == #parts then
      local run = '; printf \'\\n%%s%%s\\n\' s%s %s; sh -c "$(printf %%b "$_bq")" </dev/null; '
        .. "printf '\\n%%s%%s %%d\\n' e%s %s $?"
      line = line .. run:format(first, second, first, second)
    end
    variable = "_bq=$_bq"
    steps[#steps + 1] = { wait = prompt, what = "a shell's prompt" }
    steps[#steps + 1] = { send = line }
  end
  steps[#steps + 1] = { wait = pattern(("s%s%s\r?\n"):format(first, second)), what = "that the command begins" }
  local finish = ("\r?\ne%s%s (%%d+)\r?\n"):format(first, second)
  local status
  steps[#steps + 1] = {
    what = "the exit status of the command",
    wait = function(text, at)
      local from, to, number = text:find(finish, at)
      status = math.tointeger(tonumber(number))
      return from, to
    end,
    saw = function(output)
      return ended((output:gsub("\r\n", "\n")), status --[[@as integer]])
    end,
  }
  return steps
end

return shell
