-- The rows of the benchmark that build: a step, a plan, a set.
local archive = require "bq.archive"
local fail = require "bq.fail"
local fs = require "bq.fs"
local generated = require "bq.bench.generated"
local process = require "bq.process"
local serial = require "bq.bench.serial"
local store = require "bq.store"
local workspace = require "bq.workspace"

local builds = {}

--- The set that is built in a few minutes.
builds.SET = "core"
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
    fail.raise(("`%s` failed in the benchmark"):format(table.concat(argv, " ", 1, math.min(#argv, 3))), { cause = cause })
  end
  return status.max_memory / (1 << 20)
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

-- Options of the command line that staged a workspace which change what is staged, and not of what set.
local KEPT = { ["--seed"] = true, ["--recipes"] = true }

--- The names below a folder.
local function names(folder)
  local out = {}
  for index, entry in ipairs(fs.walk(folder)) do
    out[index] = entry.path
  end
  table.sort(out)
  return table.concat(out, "\n")
end

--- A whole set, beside a script that is written down while the set is built for the first time.
---@param space bq.Workspace whose seed and sources are used
---@param scratch string
---@param only string[] the packages that are built, all if there are none
---@return table
function builds.set(space, scratch, only)
  local core, script, work = workspace.new(scratch .. "/core"), scratch .. "/core.sh", scratch .. "/serial"
  local lock, command = space:read_json "lock.json", space:read_json "command.json"
  local made = {}
  return {
    data = lock and lock.sources and command,
    tools = { "unshare", "mount", "tar", "find" },
    prepare = function()
      fs.mkdir(core.path)
      for _, name in ipairs { "rootfs", "sources", "seed" } do
        fs.copy(space:at(name), core:at(name), { hardlink = true })
      end
      core:write_json("lock.json", lock)
      local words = { bq, "build_sysroot", "--set", builds.SET, "--workspace", core.path, "--offline" }
      for index, word in ipairs(command.arguments) do
        if KEPT[word] then
          table.move({ word, command.arguments[index + 1] }, 1, 2, #words + 1, words)
        end
      end
      for _, name in ipairs(only) do
        table.move({ "--only", name }, 1, 2, #words + 1, words)
      end
      builds.run(words)
      serial.record(core, process.cores())
      local recorded <const> = scratch .. "/recorded"
      fs.rename(core:at "build", recorded)
      fs.write(script, serial.script(core, recorded), { sync = false })
      for _, key in ipairs(store.keys(core)) do
        local name = store.get(core, key).step:gsub("/", "-")
        made[name] = names(store.output(core, key))
      end
    end,
    before = function()
      for _, path in ipairs { core:at "store", core:at "build", core:at "journal.jsonl", work } do
        fs.remove_all(path)
      end
    end,
    ours = function()
      builds.run { bq, "coordinator", "--workspace", core.path }
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
