#!/usr/bin/env bq
-- What it costs to look up a plan in a cache, by the distance of the cache. Each step needs an earlier one, as in a tree.
--
--   bq tests/bench/lookups.lua 1000 20      -- so many steps, so many milliseconds
local entry = require "bq.share.entry"
local fs = require "bq.fs"
local generated = require "generated"
local host = require "bq.host"
local json = require "bq.json"
local key = require "bq.plan.key"
local message = require "bq.share.message"
local places = require "bq.share.places"
local process = require "bq.process"
local state = require "bq.run.state"
local store = require "bq.store"
local workspace = require "bq.workspace"

local steps, delay = math.tointeger(tonumber(arg[1] or "1000")), arg[2] or "20"
local folder = fs.mkdtemp "/tmp/bq-lookups-"
generated.write(folder, steps)
generated.finish(folder)
local space = workspace.new(folder .. "/ws")
local plan = space:plan()

--- The results of all steps. Their archives are not there: nothing is fetched.
local done, digest = state.look(space, plan), { hash = ("0"):rep(64), size = 1 }
fs.mkdir(folder .. "/cache/ac")
local size = 0
for _, step in ipairs(plan.steps) do
  local name = done.keys[step.id]
  local record = fs.read(store.record(space, name))
  local ask = { key = name, inputs = key.inputs(done.context, step) }
  local result = message.result {
    { path = "log", digest = digest },
    { path = "meta.json", digest = { hash = require("bq.digest").sha256(record), size = #record }, contents = record },
    { path = "output.tar.zst", digest = digest },
  }
  fs.write(("%s/cache/ac/%s"):format(folder, entry.address(ask).hash), result, { sync = false })
  size = size + #result
end
fs.remove_all(space:at "store")
fs.mkdir(space:at "store")

local output = folder .. "/port"
local server = process.spawn {
  argv = { "python3", host.script:match "^(.*)/" .. "/slow_cache.py", folder .. "/cache", delay },
  stdout = { output },
  die_with_parent = true,
}
local port
repeat
  process.wait_any { timeout = 0.05 }
  port = fs.stat(output) and fs.read(output):match "%d+"
until port

local before = process.clock()
local all = places.new(space, places.of { remote = { "http://127.0.0.1:" .. port } })
local build, rounds, asked = state.new(space, plan), 0, {}
repeat
  build:look()
  local asks = {}
  for _, step in ipairs(plan.steps) do
    local name = build.keys[step.id]
    if build.states[step.id] == "waiting" and build:readiness(step) == "ready" and not asked[name] then
      asked[name] = true
      asks[#asks + 1] = { key = name, inputs = key.inputs(build.context, step) }
    end
  end
  rounds = rounds + (#asks > 0 and 1 or 0)
until next(all:look(asks)) == nil
local seconds, found = process.clock() - before, 0
for _, one in pairs(build.states) do
  found = found + (one == "done" and 1 or 0)
end
process.kill(server, "TERM")
fs.remove_all(folder)
print(json.encode({
  steps = steps,
  found = found,
  milliseconds = tonumber(delay),
  rounds = rounds,
  seconds = seconds,
  milliseconds_a_step = seconds * 1000 / steps,
  bytes_a_step = size // steps,
}, { pretty = true }))
