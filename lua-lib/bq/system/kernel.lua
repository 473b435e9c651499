-- What a system says of its kernel: which configuration, and files of its own with further options, which are read when the page is.
local digest = require "bq.digest"
local files = require "bq.files"
local fs = require "bq.fs"
local json = require "bq.json"
local kinds = require "bq.system.kinds"
local strategy = require "bq.strategy.kernel"
local tables = require "bq.tables"

local kernel = {}

-- A fragment names a few of the 20 000 options of a kernel.
local LARGEST <const> = 1 << 20

-- A page names files; the plan holds their texts.
local FRAGMENT <const> = kinds.either(
  function(value)
    return type(value) == "table"
  end,
  kinds.record {
    name = kinds.LINE,
    text = kinds.text(".*", "a text", LARGEST),
  },
  kinds.text("[^%c]+", "the path of a file", 1024)
)

kernel.KIND = kinds.record {
  ["config?"] = kinds.NAME,
  ["fragments?"] = kinds.list(FRAGMENT, "a list of files"),
  ["command_line?"] = kinds.text("[\32-\126]*", "a line of printable ASCII", 2047),
}

--- The configurations that the kernels of a plan's disks have.
---@param declared bq.Declaration
---@param recipes bq.Recipes
---@return table<string, true> by name
local function configs(declared, recipes)
  local out = {}
  for _, phase in ipairs(declared.phases) do
    for _, list in ipairs(declared.roots.disk or {}) do
      for _, name in ipairs(phase.packages[list] or {}) do
        local found = recipes:get(name)
        local said = found and recipes:resolve(found, phase.name).configs
        for config in pairs(type(said) == "table" and said or {}) do
          out[config] = true
        end
      end
    end
  end
  return out
end

--- Puts the texts of a page's fragments in the place of their names.
---@param wish table changed
---@param folder string of the page
---@param say bq.system.Say
---@param say_in fun(name: string, line: integer, message: string) told of what is wrong in a fragment
---@return table<string, string> digests by path
local function read(wish, folder, say, say_in)
  local digests, texts = {}, {}
  for index, name in ipairs(wish.fragments or {}) do
    local at = ("kernel.fragments[%d]"):format(index)
    local path = type(name) ~= "string" and "" or name:find "^/" and name or folder .. "/" .. name
    local stat = fs.stat(path)
    if path == "" then
      say(at, "is a table, expected the path of a file")
    elseif not stat or stat.type ~= "file" then
      say(at, ("is `%s`, and there is no such file"):format(name))
    elseif stat.size > LARGEST then
      say(at, ("is `%s`, which is larger than %d bytes"):format(name, LARGEST))
    elseif digests[path] then
      say(at, ("is `%s`, which is named twice"):format(name))
    else
      local text = fs.read(path)
      digests[path] = digest.sha256(text)
      if not utf8.len(text) or text:find "%z" then
        say(at, ("is `%s`, which is not UTF-8"):format(name))
      else
        -- The name is only for messages: it must not tell keys where on this machine the file is.
        texts[#texts + 1] = { name = name:find "^/" and files.name(name) or name, text = text }
        strategy.options(texts[#texts], function(line, message)
          say_in(name, line, message)
        end)
      end
    end
  end
  wish.fragments = wish.fragments and json.array(texts)
  return digests
end

--- Checks what a page says of its kernel, and reads its fragments.
---@param system table with the defaults; changed
---@param folder string of the page
---@param declared bq.Declaration
---@param recipes bq.Recipes
---@param say bq.system.Say
---@param say_in fun(name: string, line: integer, message: string) told of what is wrong in a fragment
---@return table<string, string> digests of the fragments by path
function kernel.settle(system, folder, declared, recipes, say, say_in)
  local wish = system.kernel
  for _, field in ipairs(system.disk == false and { "config", "fragments" } or {}) do
    if wish[field] then
      say("kernel." .. field, "says nothing: with `disk = false`, no kernel is built")
    end
  end
  local known = wish.config and tables.names(configs(declared, recipes)) or {}
  if #known > 0 then
    kinds.one_of(known)(wish.config, say, "kernel.config")
  elseif wish.config then
    say("kernel.config", ("is `%s`, and no kernel of the plan has configurations to choose from"):format(wish.config))
  end
  return read(wish, folder, say, say_in)
end

return kernel
