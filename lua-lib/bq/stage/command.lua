-- How a workspace was made: the command line as data, the script, and the folders of library, programs and recipes.
-- This is `command.json`. It is read when the plan is made again or bq is staged again.
local args = require "bq.args"
local events = require "bq.events"
local fail = require "bq.fail"
local fetch = require "bq.fetch"
local files = require "bq.files"
local fs = require "bq.fs"
local host = require "bq.host"
local json = require "bq.json"
local log = require "bq.log"
local schema = require "bq.schema"
local tables = require "bq.tables"
local workspace = require "bq.workspace"

local command = {}

--- How the name of a packed root ends.
command.ENDINGS = { ".tar.gz", ".tar.zst", ".tar" }

-- The options of the program. Options that count for one run are not stored.
-- stylua: ignore
command.OPTIONS = {
  { name = "output", value = "FILE", writes = true, endings = command.ENDINGS, help = "pack the result: .tar.gz, .tar.zst or .tar", once = true },
  { name = "skip-sources", help = "neither fetch sources nor pack them" },
  { name = "arch", value = "ARCH", help = "build for x86_64 or aarch64; this machine's own if absent" },
  { name = "foreign-workers", help = "with `--arch`: workers of that architecture build what has to run there, so it gets no programs of this machine" },
  { name = "seed", value = "SEED", help = "auto, debian[:SUITE], alpine, or a rootfs tarball" },
  { name = "set", value = "NAME", help = "the package set" },
  { name = "system", value = "FILE", help = "the page of a system: its packages, instead of those of a set" },
  { name = "only", value = "NAMES", many = true, help = "only these packages, and what they need" },
  { name = "with", value = "NAMES", many = true, help = "these packages too: NAME or NAME@PHASE" },
  { name = "without", value = "NAMES", many = true, help = "not these packages" },
  { name = "recipes", value = "DIR", many = true, help = "a folder of recipes that go before the bundled ones" },
  { name = "workspace", value = "DIR", help = "the folder of the build [default: data/sysroot]", once = true },
  { name = "mirror", value = "PLACE", many = true, help = "a folder or address to look for sources in first" },
  { name = "offline", help = "use what is there, ask no network" },
  { name = "update-seed", help = "lock the newest packages of the seed, by apt or apk", once = true },
  { name = "jobs", value = "N", number = true, help = "how many things to do at once" },
  { name = "dry-run", help = "check the plan and show it; fetch and write nothing", once = true },
  events.OPTION,
}

local texts <const> = schema.list(schema.text())
-- The options are those that `args.parse` can give.
local asked <const> = {}
for _, option in ipairs(command.OPTIONS) do
  local kind = option.many and texts
    or option.number and schema.whole(1)
    or option.value and schema.text()
    or schema.flag()
  asked[option.name:gsub("-", "_") .. "?"] = kind
end
---@type bq.schema.Format
local FORMAT <const> = {
  what = "the command of the workspace",
  limit = 1 << 24,
  hint = "plan again: `bq scripts/build_sysroot.lua%s`",
  kind = schema.record {
    script = schema.text(),
    folder = schema.text(),
    options = schema.record(asked),
    modules = texts,
    programs = texts,
  },
}

---@class bq.Command
---@field script string the path of the script that makes the plan; `$/…` is the bundle's
---@field folder string where it was run
---@field options table<string, any> what was asked for, by the names of `args.parse`
---@field modules string[] folders of the library, the first wins
---@field programs string[] folders of programs, the first wins
---@field recipes string[] folders of recipes, the first wins
---@field text? string what the script says

--- The folders in which recipes are searched.
---@param own string[] those of the command line; an empty name is none
---@param modules? string[] folders of the library; those of this run if absent
---@param programs? string[] folders of programs; those of this run if absent
---@return string[]
function command.recipe_folders(own, modules, programs)
  local folders = {}
  for _, folder in ipairs(own) do
    local stat = fs.stat(folder)
    if folder ~= "" and (not stat or stat.type ~= "dir") then
      local hint = "a workspace remembers its folders of recipes; name another one, or none: `--recipes=`"
      fail.usage(("`--recipes %s`: no such folder"):format(folder), hint)
    end
    folders[#folders + 1] = folder ~= "" and fs.realpath(folder) or nil
  end
  for _, folder in ipairs(modules or host.module_folders) do
    if #files.list(folder .. "/packages") > 0 then
      folders[#folders + 1] = folder .. "/packages"
    end
  end
  for _, folder in ipairs(programs or host.program_folders) do
    folders[#folders + 1] = folder .. "/packages"
  end
  folders[#folders + 1] = "$/scripts/packages"
  return folders
end

local function complete(one)
  one.recipes = command.recipe_folders(one.options.recipes or {}, one.modules, one.programs)
  one.text = files.read(one.script)
  return one
end

--- The request of this run, as data.
---@param options table as `args.parse` gave them
---@return bq.Command
function command.of(options)
  local kept = {}
  for _, option in ipairs(command.OPTIONS) do
    local name = option.name:gsub("-", "_")
    kept[name] = not option.once and options[name] or nil
  end
  local own = {}
  for index, folder in ipairs(kept.recipes or {}) do
    own[index] = fs.stat(folder) and fs.realpath(folder) or folder
  end
  kept.recipes = own
  kept.system = kept.system and fs.stat(kept.system) and fs.realpath(kept.system) or kept.system
  return complete {
    script = host.script:find "^[/$]" and host.script or fs.cwd() .. "/" .. host.script,
    folder = fs.cwd(),
    options = kept,
    modules = tables.copy(host.module_folders),
    programs = tables.copy(host.program_folders),
  }
end

--- Writes it into the workspace.
---@param space bq.Workspace
---@param one bq.Command
function command.remember(space, one)
  local options = {}
  for _, option in ipairs(command.OPTIONS) do
    local name = option.name:gsub("-", "_")
    local value = one.options[name]
    options[name] = option.many and json.array(value or {}) or value
  end
  -- The mirror's password is stored, since making the plan again needs it. Only the owner may read the file.
  local text = json.encode(options)
  space:write_json("command.json", {
    script = one.script,
    folder = one.folder,
    options = options,
    modules = json.array(one.modules),
    programs = json.array(one.programs),
  }, fetch.shown(text) ~= text and "0600" or nil)
end

--- The request as the plan records it. Inside a rootfs nothing else is known: the command line of the machine outside
--- has no meaning there.
local function from_plan(space, made)
  local share = space.inside and workspace.SHARE .. "/scripts" or host.program_folders[1] or "$/scripts"
  local selection = made and made.selection or {}
  return {
    script = share .. "/build_sysroot.lua",
    folder = space.inside and "/" or fs.cwd(),
    options = {
      set = made and made.set,
      arch = made and made.arch,
      only = selection.only,
      with = selection.with,
      without = selection.without,
    },
    modules = tables.copy(host.module_folders),
    programs = tables.copy(host.program_folders),
  }
end

--- Replaces the library, programs and recipes of the tree that made the workspace by those of this run, since a clone
--- may have been copied or moved. Returns whether they are different.
local function take_at_hand(one)
  local here, before = host.program_folders[1], one.programs[1]
  if not here or tables.contains(one.programs, here) then
    if before and not fs.stat(before) then
      log.warn(("`%s`, which this workspace was made by, is gone: what comes with bq is used"):format(before))
    end
    return false
  end
  log.warn(
    ("this workspace was made by the programs %s; those at hand are used: `%s`"):format(
      before and ("in `%s`"):format(before) or "that come with bq",
      here
    )
  )
  local from, to = before and files.parent(before), files.parent(here)
  local function moved(path)
    local rest = from and (path .. "/"):sub(1, #from + 1) == from .. "/" and path:sub(#from + 1)
    return rest and fs.stat(to .. rest) and to .. rest or path
  end
  local function all(list)
    local out = {}
    for _, path in ipairs(list) do
      path = moved(path)
      out[#out + 1] = fs.stat(path) and path or nil
    end
    return out
  end
  local bundled = one.script:match "^%$/scripts/(.*)$"
  one.script = bundled and fs.stat(here .. "/" .. bundled) and here .. "/" .. bundled or moved(one.script)
  one.folder = moved(one.folder)
  one.options.recipes = all(one.options.recipes or {})
  one.options.system = one.options.system and moved(one.options.system)
  one.modules = all(one.modules)
  for _, folder in ipairs(host.module_folders) do
    if not tables.contains(one.modules, folder) then
      table.insert(one.modules, folder)
    end
  end
  one.programs = tables.copy(host.program_folders)
  return true
end

--- The folders in which a program looks for recipes: those of its command line, or else those that the workspace was asked for last.
---@param space bq.Workspace
---@param own string[] of the command line; an empty name is none
---@return string[] folders the first wins
function command.recipes_of(space, own)
  local one = #own == 0 and not space.inside and space:read("command.json", FORMAT) or nil
  return command.recipe_folders(one and one.options.recipes or own)
end

--- What a file of the workspace holds. One that is damaged is about to be made anew: it counts as absent, and is told.
local function if_sound(name, read, ...)
  local ok, value = pcall(read, ...)
  if ok then
    return value
  elseif not fail.is_expected(value) then
    error(value, 0)
  end
  log.warn(
    ("`%s` of the workspace is damaged, and is made anew; what it was asked for is not known from it"):format(name)
  )
  log.raw("caused by: " .. tostring(value.cause))
end

--- The options of the last time, if the same script made the plan, with the set and the architecture that the plan has.
---@param space bq.Workspace
---@return table<string, any>? `nil` if there is no plan
function command.last(space)
  if not fs.stat(space:at "plan.json") then
    return nil
  end
  local made = if_sound("plan.json", space.plan, space, true)
  if space.inside then
    return made and from_plan(space, made).options or nil
  end
  local one = if_sound("command.json", space.read, space, "command.json", FORMAT)
  if not one or files.name(one.script) ~= files.name(host.script) then
    return nil
  end
  local out = made and { set = made.set, arch = made.arch } or {}
  for name, value in pairs(one.options) do
    out[name] = value
  end
  return out
end

--- The stored request of the workspace, with the library and the programs of this run.
---@param space bq.Workspace
---@param made table the plan of the workspace
---@return bq.Command
---@return boolean another whether what is at hand is not what the workspace was made by
function command.recall(space, made)
  local one = not space.inside and space:read("command.json", FORMAT) or nil
  if not one then
    return complete(from_plan(space, made)), false
  end
  local another = take_at_hand(one)
  if not fs.stat(one.folder) then
    one.folder = fs.cwd()
  end
  return complete(one), another
end

--- The command line that makes the same request again.
---@param one bq.Command
---@param space bq.Workspace
---@return string[]
function command.words(one, space)
  local words = {}
  for _, folder in ipairs(space.inside and {} or one.modules) do
    tables.append(words, { "--lib", folder })
  end
  words[#words + 1] = one.script
  tables.append(words, args.words(command.OPTIONS, one.options))
  words[#words + 1] = not space.inside and "--workspace=" .. space.path or nil
  return words
end

return command
