#!/usr/bin/env bq
-- Looks all steps of a plan up in a cache, and prints what that costs: `tests/bench/lookups.lua` makes both.
--
--   bq tests/bench/look.lua FOLDER URL           -- the folder has a workspace `ws`
local fetch = require "bq.fetch"
local fs = require "bq.fs"
local grpc = require "bq.grpc"
local json = require "bq.json"
local key = require "bq.plan.key"
local places = require "bq.share.places"
local process = require "bq.process"
local state = require "bq.run.state"
local workspace = require "bq.workspace"

local space = workspace.new(arg[1] .. "/ws")
local plan = space:plan()

-- Requests are counted where they leave.
local count = 0
for of, name in pairs { [grpc] = "calls", [fetch] = "requests" } do
  local exchange = of.exchange
  of.exchange = function(first, second)
    count = count + #(second or first)[name]
    return exchange(first, second)
  end
end

--- A number of KiB that the kernel says of this process.
local function memory(name)
  return tonumber(fs.read("/proc/self/status"):match(name .. ":%s+(%d+) kB"))
end
local resident, before = memory "VmRSS", process.clock()
local all = places.new(space, places.of { remote = { arg[2] } })
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
print(json.encode {
  found = found,
  rounds = rounds,
  seconds = seconds,
  milliseconds_a_step = seconds * 1000 / #plan.steps,
  requests_a_step = count / #plan.steps,
  memory_mib = (memory "VmHWM" - resident) // 1024,
})
