-- The rows of the benchmark that build: a step, a plan, a set.
local archive = require "bq.archive"
local args = require "bq.args"
local command_line = require "bq.stage.command"
local fail = require "bq.fail"
local fs = require "bq.fs"
local generated = require "generated"
local json = require "bq.json"
local process = require "bq.process"
local serial = require "serial"
local store = require "bq.store"
local tables = require "bq.tables"
local workspace = require "bq.workspace"

local builds = {}

--- What a plan of many steps may take, in MB.
builds.PLAN_MEMORY = 300

local bq <const> = process.executable()

--- Runs a program, quiet; raises if it fails.
---@param argv string[]
---@param cwd? string
---@param limits? table<string, integer>
---@return number memory the most that it took, in MB
function builds.run(argv, cwd, limits)
  local status = process.run { argv = argv, cwd = cwd, stdout = "null", stderr = "capture", limits = limits }
  if not status.ok then
    local cause = status.stderr:match "error: ([^\n]+)" or status.stderr:match "([^\n]+)\n*$"
    fail.raise(
      ("`%s` failed in the benchmark"):format(table.concat(argv, " ", 1, math.min(#argv, 3))),
      { cause = cause }
    )
  end
  return status.max_memory / (1 << 20)
end

--- Runs a command of the shell, as `run` does.
---@param folder string to be in
---@param text string
---@param ... string its arguments
function builds.shell(folder, text, ...)
  builds.run({ "sh", "-ec", text, "sh", ... }, folder)
end

--- What one step costs beyond its commands: the same build with one step and with many, by their difference.
---@param scratch string
---@param count integer
---@return table
function builds.steps(scratch, count)
  local function path(of)
    return ("%s/steps-%d"):format(scratch, of)
  end
  local function build(of)
    return function()
      builds.run { bq, "coordinator", "--workspace", path(of) .. "/ws", "--jobs", "1" }
    end
  end
  return {
    prepare = function()
      local seed <const> = scratch .. "/none.tar.gz"
      fs.mkdir(scratch .. "/seed/etc")
      fs.write(scratch .. "/seed/etc/name", "seed")
      archive.pack { output = seed, sources = { { path = scratch .. "/seed" } } }
      for _, of in ipairs { 1, count + 1 } do
        generated.write(path(of), of)
        builds.run({ bq, "build.lua", "--workspace", path(of) .. "/ws", "--seed", seed }, path(of))
      end
    end,
    before = function()
      for _, of in ipairs { 1, count + 1 } do
        fs.remove_all(path(of) .. "/ws/store")
      end
    end,
    ours = build(count + 1),
    theirs = build(1),
    per = count,
  }
end

--- A plan of generated steps, checked and found done; in no more memory than it may take.
---@param scratch string
---@param count integer
---@return table
function builds.plan(scratch, count)
  local function path(of)
    return ("%s/plan-%d"):format(scratch, of)
  end
  local function pass(of)
    return function()
      for _, words in ipairs { { "build.lua", "--dry-run" }, { "coordinator", "--workspace", path(of) .. "/ws" } } do
        builds.run({ bq, table.unpack(words) }, path(of), { as = builds.PLAN_MEMORY << 20 })
      end
    end
  end
  return {
    prepare = function()
      for _, of in ipairs { count, count // 10 } do
        generated.write(path(of), of)
        generated.finish(path(of))
      end
    end,
    ours = pass(count),
    theirs = pass(count // 10),
  }
end

-- Options of the command line that staged a workspace which change what is staged; the last only where it is of the same set.
local KEPT <const> = { seed = "any", recipes = "any", without = "same" }

--- The names below a folder.
local function names(folder)
  local out = {}
  for index, entry in ipairs(fs.walk(folder)) do
    out[index] = entry.path
  end
  table.sort(out)
  return table.concat(out, "\n")
end

---@class bq.bench.Set
---@field set string
---@field only string[] the packages that are built, all if there are none
---@field stored string[] the packages that are taken from the store instead

--- What is built, in words.
---@param built bq.bench.Set
---@return string
function builds.title(built)
  local words = {}
  if #built.only > 0 then
    words[1] = "only " .. table.concat(built.only, ", ")
  end
  if #built.stored > 0 then
    words[#words + 1] = table.concat(built.stored, ", ") .. " stored before"
  end
  return ("set `%s` built on %d cores%s"):format(
    built.set,
    process.cores(),
    #words > 0 and (" (%s)"):format(table.concat(words, "; ")) or ""
  )
end

--- Links what the store of a workspace has of some packages into that of another. Raises if it has nothing of one.
---@param from bq.Workspace
---@param to bq.Workspace
---@param packages string[]
---@return table<string, true> keys
local function take(from, to, packages)
  local keys, taken = {}, {}
  for _, key in ipairs(store.keys(from)) do
    local name = store.get(from, key).step:match "/(.*)$"
    keys[name] = keys[name] or {}
    table.insert(keys[name], key)
  end
  for _, name in ipairs(packages) do
    if not keys[name] then
      fail.usage(("`--stored %s`: the store of `%s` has nothing of it"):format(name, from.path))
    end
    for _, key in ipairs(keys[name]) do
      fs.mkdir(to:at "store")
      fs.copy(from:at("store", key), to:at("store", key), { hardlink = true })
      taken[key] = true
    end
  end
  return taken
end

--- A whole set, beside a script that is written down while the set is built for the first time.
---@param space bq.Workspace whose seed and sources are used
---@param scratch string
---@param built bq.bench.Set
---@return table
function builds.set(space, scratch, built)
  local own, script, work = workspace.new(scratch .. "/set"), scratch .. "/set.sh", scratch .. "/serial"
  local lock, command = space:locked(), json.decode(fs.read(space:at "command.json"))
  local made, taken = {}, {}

  --- The keys of what is there and was not taken.
  local function built_keys()
    local keys = {}
    for _, key in ipairs(store.keys(own)) do
      keys[#keys + 1] = not taken[key] and key or nil
    end
    return keys
  end

  return {
    data = lock and lock.sources and command,
    tools = { "unshare", "mount", "tar", "find" },
    prepare = function()
      fs.mkdir(own.path)
      for _, name in ipairs { "rootfs", "sources", "seed" } do
        fs.copy(space:at(name), own:at(name), { hardlink = true })
      end
      own:write_json("lock.json", lock)
      local words = { bq, "build_sysroot", "--set", built.set, "--workspace", own.path, "--offline" }
      local same = space:plan().set == built.set
      local kept = { only = built.only }
      for name, when in pairs(KEPT) do
        kept[name] = (when == "any" or same) and command.options[name] or nil
      end
      tables.append(words, args.words(command_line.OPTIONS, kept))
      builds.run(words)
      taken = take(space, own, built.stored)
      serial.record(own, process.cores())
      local recorded <const> = scratch .. "/recorded"
      fs.rename(own:at "build", recorded)
      fs.write(script, serial.script(own, recorded), { sync = false })
      for _, key in ipairs(built_keys()) do
        local name = store.get(own, key).step:gsub("/", "-")
        made[name] = names(store.output(own, key))
      end
    end,
    before = function()
      for _, key in ipairs(built_keys()) do
        fs.remove_all(own:at("store", key))
      end
      for _, path in ipairs { own:at "build", own:at "journal.jsonl", work } do
        fs.remove_all(path)
      end
    end,
    ours = function()
      builds.run { bq, "coordinator", "--workspace", own.path }
    end,
    theirs = function()
      builds.run { "unshare", "--user", "--map-root-user", "--mount", "--pid", "--fork", "sh", script, work }
    end,
    finish = function()
      for name, expected in pairs(made) do
        if names(work .. "/out/" .. name) ~= expected then
          fail.raise(("the script made other files than bq for `%s`"):format(name))
        end
      end
    end,
  }
end

return builds
