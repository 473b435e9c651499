-- Completion for shells: `bq --completion bash|zsh|fish` prints a few lines for the shell's start file. They ask bq itself for
-- the words: `bq --completion words -- WORD...`, of which the last is being typed.
local command = require "bq.stage.command"
local fail = require "bq.fail"
local format = require "bq.image.format"
local log = require "bq.log"
local programs = require "bq.programs"
local recipe = require "bq.plan.recipe"
local tables = require "bq.tables"
local workspace = require "bq.workspace"

local completion = {}

---@type table<string, string>
local SHELLS <const> = {
  bash = [=[
# In ~/.bashrc: eval "$(bq --completion bash)"
_bq() {
  local IFS=$'\n' word=${COMP_WORDS[COMP_CWORD]}
  [ "$word" = "=" ] && word=
  COMPREPLY=($(compgen -W "$(bq --completion words -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2> /dev/null)" -- "$word"))
}
complete -o default -F _bq bq]=],
  zsh = [=[
# In ~/.zshrc, after compinit: eval "$(bq --completion zsh)"
_bq() {
  local -a found
  found=("${(@f)$(bq --completion words -- "${(@)words[2,CURRENT]}" 2> /dev/null)}")
  if [[ -n "${found[1]}" ]]; then compadd -- "${found[@]}"; else compset -P '--[^=]##='; _files; fi
}
compdef _bq bq]=],
  fish = [=[
# In ~/.config/fish/config.fish: bq --completion fish | source
function __bq_words
  set -l typed (commandline -ct)
  set -l found (bq --completion words -- (commandline -opc)[2..-1] "$typed" 2> /dev/null)
  if test (count $found) -gt 0
    printf '%s\n' $found
  else
    set -l option (string match -r -- '^--[^=]+=' "$typed")
    for path in (__fish_complete_path (string replace -r -- '^--[^=]+=' '' "$typed"))
      echo "$option$path"
    end
  end
end
complete -c bq -f -a '(__bq_words)']=],
}

-- bq's own options, and those of them that take a word.
local OWN <const> = {
  "-e",
  "-i",
  "--lib",
  "--traceback",
  "--verbose",
  "--quiet",
  "--color",
  "--list",
  "--completion",
  "--help",
  "--version",
}
local OWN_VALUES <const> = {
  ["-e"] = {},
  ["--lib"] = {},
  ["--color"] = { "auto", "always", "never" },
  ["--completion"] = { "bash", "zsh", "fish" },
}

local function packages()
  return recipe.collection(command.recipe_folders {}):names()
end

--- The steps of the workspace that the words name.
local function steps(words)
  local path
  for index, word in ipairs(words) do
    path = word:match "^%-%-workspace=(.+)$" or word == "--workspace" and words[index + 1] or path
  end
  local ids, ok, plan = {}, pcall(function()
    return workspace.new(path):plan()
  end)
  for index, step in ipairs(ok and plan.steps or {}) do
    ids[index] = step.id
  end
  return ids
end

--- The values for what the help calls them. Files have none: shells know those.
---@type table<string, fun(words: string[]): string[]>
local VALUES <const> = {
  NAMES = packages,
  NAME = packages,
  STEP = steps,
  ARCH = function()
    return { "x86_64", "aarch64" }
  end,
  SEED = function()
    return { "auto", "debian", "alpine" }
  end,
  FORMAT = format.names,
}

--- The values of a kind after what is typed; in a list, after its last comma.
local function values(kind, typed, words)
  local before = kind == "NAMES" and typed:match "^(.*,)" or ""
  local out = {}
  for index, value in ipairs(VALUES[kind] and VALUES[kind](words) or {}) do
    out[index] = before .. value
  end
  return out
end

--- The program's words for what is typed.
local function of_program(usage, words, typed)
  local option_name, inline = typed:match "^%-%-([^=]+)=(.*)$"
  local last = words[#words - 1] or ""
  if not option_name and last:find "^%-%-[^=]+$" then
    option_name, inline = last:sub(3), typed
  end
  for _, option in ipairs(option_name and usage.options or {}) do
    if option.name == option_name and option.value then
      local found = usage.choices and usage.choices[option.name] or values(option.value, inline, words)
      local out = {}
      for index, value in ipairs(found) do
        out[index] = (typed == inline and "" or "--" .. option.name .. "=") .. value
      end
      return out
    end
  end
  local out = {}
  if typed:sub(1, 1) == "-" then
    for _, option in ipairs(usage.options) do
      out[#out + 1] = "--" .. option.name
    end
    return tables.append(out, { "--help" })
  end
  local kind = usage.positional and usage.positional:match "%u+"
  return kind and values(kind, typed, words) or out
end

--- The words that can stand for the last of these.
---@param given string[] the command line after `bq`
---@return string[]
function completion.words(given)
  -- bash splits at `=`.
  local words = {} ---@type string[]
  for index, word in ipairs(given) do
    if word == "=" and index < #given then
      goto continue
    elseif word == "=" then
      word = ""
    end
    words[#words + 1] = word
    ::continue::
  end
  local index = 1
  while words[index] and words[index]:sub(1, 1) == "-" and index < #words do
    if OWN_VALUES[words[index]] then
      index = index + 1
    end
    index = index + 1
  end
  local typed, found = words[#words] or "", nil
  if index < #words then
    local name = words[index]:match("([^/]*)$"):gsub("%.lua$", "")
    local usage = programs.usage(name)
    found = usage and of_program(usage, table.move(words, index + 1, #words, 1, {}), typed) or {}
    if name == "help" then
      found = programs.names()
    end
  elseif index > #words and OWN_VALUES[words[#words - 1]] then
    found = OWN_VALUES[words[#words - 1]]
  else
    found = typed:sub(1, 1) == "-" and OWN or programs.names()
  end
  local out = {}
  for _, word in ipairs(found) do
    out[#out + 1] = word:sub(1, #typed) == typed and word or nil
  end
  return out
end

--- Runs `bq --completion`.
---@param what? string a shell, or `words`
---@param ... string the command line
function completion.main(what, ...)
  if what == "words" then
    local found = completion.words { ... }
    if #found > 0 then
      log.out(table.concat(found, "\n"))
    end
    return
  end
  log.out(SHELLS[what] or fail.usage(("`--completion %s`: there is no such shell"):format(what), "bash, zsh or fish"))
end

return completion
