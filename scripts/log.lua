#!/usr/bin/env bq
-- Shows the log of a step that runs, failed or is done.
local args = require "bq.args"
local fail = require "bq.fail"
local find = require "bq.plan.find"
local fs = require "bq.fs"
local job = require "bq.run.job"
local journal = require "bq.journal"
local process = require "bq.process"
local state = require "bq.run.state"
local store = require "bq.store"
local visible = require "bq.visible"
local workspace = require "bq.workspace"

local options = args.parse({
  group = "look",
  about = "Shows the log of a step; what a terminal would obey in it is shown, not sent.",
  usage = "bq scripts/log.lua STEP [OPTIONS]",
  positional = "STEP",
  options = {
    { name = "follow", help = "go on as long as the step runs" },
    { name = "workspace", value = "DIR", help = "the folder of the build [default: data/sysroot]" },
  },
}, arg)

-- How many bytes are read at once, and how often a running log is read, in seconds.
local CHUNK <const>, POLL <const> = 1 << 16, 0.2

local space = workspace.new(options.workspace)
local plan = space:plan()

if #options ~= 1 then
  fail.usage("which step?", "`bq scripts/status.lua` lists the steps")
end
local id = find.step(plan.steps, options[1])

--- Whether the step is running.
local function is_running()
  local history = journal.by_step(space)[id]
  if not (history and history.running) then
    return false
  end
  local may, free = pcall(fs.lock, space:at ".lock", { shared = true })
  if may and free then
    fs.unlock(free)
  end
  return not free
end

--- The path of the log.
---@return string
---@return boolean? is_done
local function path()
  if is_running() then
    return job.paths(job.folder(space, id)).log
  end
  local build = state.look(space, plan)
  if build.states[id] == "done" then
    return store.log(space, build.keys[id]), true
  end
  return space:log(id)
end

local where, is_done = path()
local stat = fs.lstat(where)
if not stat then
  fail.raise(("there is no log of `%s`"):format(id), {
    cause = is_done and ("its output is done, and `%s` is not there"):format(where) or nil,
    hint = not is_done and ("build it: `bq scripts/coordinator.lua%s`"):format(space:option()) or nil,
  })
elseif stat.type ~= "file" then
  -- A pipe would wait for a writer, and a device may have no end.
  fail.raise(("the log `%s` is a %s, not a file"):format(where, stat.type), { hint = "build the step again" })
end

local file <close> = assert(io.open(where, "rb"))
local rest = ""
while true do
  -- This is checked before the file is read to its end, so that no line is lost that was written before the step ended.
  local goes_on = options.follow and is_running()
  local chunk = file:read(CHUNK)
  while chunk do
    -- A sequence of two bytes may be split between two reads.
    local whole = (rest .. chunk):match "^(.-)\xc2?$"
    rest = (rest .. chunk):sub(#whole + 1)
    io.stdout:write(visible(whole))
    chunk = file:read(CHUNK)
  end
  io.stdout:flush()
  if not goes_on then
    break
  end
  process.wait_any { timeout = POLL }
end
io.stdout:write(visible(rest))
