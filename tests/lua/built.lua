-- Workspaces that look built, for tests of the programs that only look at them.
local form = require "bq.plan.form"
local fs = require "bq.fs"
local json = require "bq.json"
local key = require "bq.plan.key"
local scratch = require "scratch"
local state = require "bq.run.state"
local store = require "bq.store"
local workspace = require "bq.workspace"

local built = {}

--- A plan of steps in order; each is `{ "phase/name", depends, more }`.
---@param phases { name: string, base: string[], env?: table }[]
---@param steps table<integer, [string, string[]?, table?]>
function built.plan(phases, steps)
  local out = {
    schema = form.VERSION,
    arch = "x86_64",
    kernel_arch = "x86_64",
    target = "x86_64-bq-linux-musl",
    sysroot = "",
    set = "core",
    epoch = 1000000000,
    selection = { only = json.array {}, with = json.array {}, without = json.array {} },
    phase_order = json.array {},
    finish = json.array {},
    phases = {},
    steps = json.array {},
    code = {},
    library = "none",
    library_text = ("0"):rep(64),
    recipes = {},
  }
  for index, phase in ipairs(phases) do
    out.phase_order[index] = phase.name
    out.phases[phase.name] =
      { about = "one of some", base = json.array(phase.base), prefix = "/usr", env = phase.env or { PATH = "/bin" } }
  end
  for index, one in ipairs(steps) do
    local phase, name = one[1]:match "^(.-)/(.*)$"
    local step = {
      id = one[1],
      name = name,
      phase = phase,
      version = "1",
      license = "MIT",
      strategy = "files",
      depends = json.array(one[2] or {}),
      sources = {},
      patches = json.array {},
      code = {},
      functions = json.array {},
      fields = {},
      as_is = json.array {},
    }
    for field, value in pairs(one[3] or {}) do
      step[field] = value
    end
    out.steps[index] = step
  end
  return out
end

--- Writes a workspace. `outputs` gives the files of a step, `nil` for one that is not built.
---@param folder string
---@param plan table
---@param outputs fun(id: string): table<string, string>?
---@return bq.Workspace
function built.workspace(folder, plan, outputs)
  local space = workspace.new(fs.realpath "." .. "/" .. folder)
  fs.mkdir(space:at "store")
  fs.mkdir(space:at "logs")
  space:write_json("plan.json", plan)
  space:write_json("lock.json", { sources = {} })
  local build, lines, time = state.new(space, space:plan()), {}, 1790000000
  local function event(one)
    one.time = time
    lines[#lines + 1] = json.encode(one)
  end
  event { event = "run", jobs = 2 }
  for index, step in ipairs(build.plan.steps) do
    local files = outputs(step.id)
    if files and build:readiness(step) == "ready" then
      local inputs = key.inputs(build.context, step)
      local name = key.of(inputs)
      local tree = store.output(space, name)
      fs.mkdir(tree)
      for path, text in pairs(files) do
        scratch.write(tree .. "/" .. path, text)
      end
      local output = store.digest(tree)
      space:write_json("store/" .. name .. "/meta.json", {
        key = name,
        step = step.id,
        version = step.version,
        license = step.license,
        output = output,
        inputs = inputs,
        seconds = index,
      })
      scratch.write(store.log(space, name), ("building %s\nall is well\n"):format(step.id))
      build:set(step, "done", output)
      event { event = "start", step = step.id, key = name, reason = "it was never built here" }
      time = time + index
      event { event = "end", step = step.id, key = name, ok = true, seconds = index }
    end
  end
  fs.write(space:at "journal.jsonl", table.concat(lines, "\n") .. "\n")
  return space
end

--- The file of a program of this tree.
---@param name string
---@return string
function built.program(name)
  local host = require "bq.host"
  return ("%s/scripts/%s.lua"):format(fs.realpath(host.script):match "^(.*)/tests/", name)
end

--- Runs a program of this tree: its exit status, what it wrote, and what it said.
---@param name string
---@param words string[]
---@return integer
---@return string
---@return string
function built.run(name, words)
  local process = require "bq.process"
  local argv = { process.executable(), built.program(name) }
  local ended = process.run {
    argv = table.move(words, 1, #words, #argv + 1, argv),
    stdout = "capture",
    stderr = "capture",
    timeout = 120,
  }
  return ended.exit_status, ended.stdout, ended.stderr
end

return built
