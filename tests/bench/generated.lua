-- A workspace of many generated steps, all of them done: what a plan costs before anything is built.
local command = require "bq.stage.command"
local digest = require "bq.digest"
local fs = require "bq.fs"
local host = require "bq.host"
local json = require "bq.json"
local key = require "bq.plan.key"
local plan = require "bq.plan.plan"
local recipe = require "bq.plan.recipe"
local state = require "bq.run.state"
local store = require "bq.store"
local syscall = require "bq.syscall"
local workspace = require "bq.workspace"

local generated = {}

local DECLARATION = [[
return require("bq.stage.prepare").main({
  seed = "./none.tar.gz",
  set = "core",
  target = "{arch}-bq-linux-musl",
  epoch = 1735689600,
  env = { PATH = "/usr/local/bin" },
  sets = { core = { "core" } },
  phases = {
    { name = "one", about = "generated", base = { "seed" }, prefix = "/usr", env = {}, extend = true, packages = { core = { %s } } },
  },
}, arg)
]]

--- Writes a declaration `build.lua` and its recipes, each of which needs an earlier one.
---@param folder string
---@param count integer
function generated.write(folder, count)
  local names = {}
  fs.mkdir(folder .. "/packages")
  for index = 1, count do
    local name = ("p%05d"):format(index)
    names[index] = ("%q"):format(name)
    fs.write(
      ("%s/packages/%s.lua"):format(folder, name),
      ('return { name = "%s", version = "1", license = "MIT", strategy = "files", files = { ["/opt/%s"] = "x" }%s }\n'):format(
        name,
        name,
        index > 1 and (', depends = { "p%05d" }'):format(index // 2) or ""
      ),
      { sync = false }
    )
  end
  fs.write(folder .. "/build.lua", DECLARATION:format(table.concat(names, ", ")))
end

--- Makes the workspace `folder/ws` as a finished build would leave it, but for what its outputs hold.
---@param folder string where `write` wrote
function generated.finish(folder)
  local space = workspace.new(folder .. "/ws")
  space:create()
  local declaration
  local chunk = assert(load(fs.read(folder .. "/build.lua"), "@build.lua", "t", {
    arg = {},
    require = function()
      return {
        main = function(what)
          declaration = what
        end,
      }
    end,
  }))
  chunk()
  local made = plan.make(
    declaration,
    { set = "core", arch = syscall.uname().machine },
    recipe.collection { folder .. "/packages" }
  )
  fs.mkdir(space:at("rootfs" .. workspace.STAGED):match "^(.*)/")
  fs.write(
    space:at("rootfs" .. workspace.STAGED),
    json.encode { seed_id = "none", seed_digest = ("0"):rep(64), made = json.array {} }
  )
  space:write_json("plan.json", made)
  space:write_json("lock.json", { sources = {} })
  command.remember(space, {
    script = folder .. "/build.lua",
    folder = folder,
    options = { recipes = { folder .. "/packages" } },
    modules = host.module_folders,
    programs = host.program_folders,
  })
  local build = state.new(space, made)
  for _, step in ipairs(made.steps) do
    local inputs = key.inputs(build.context, step)
    local name = key.of(inputs)
    fs.mkdir(store.output(space, name))
    fs.write(
      space:at("store", name, "meta.json"),
      json.encode {
        key = name,
        step = step.id,
        version = step.version,
        output = digest.sha256(name),
        inputs = inputs,
        seconds = 0,
      },
      { sync = false }
    )
    build.outputs[step.id] = digest.sha256(name)
  end
end

return generated
