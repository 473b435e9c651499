#!/usr/bin/env bq
-- What it costs to look up a plan in a cache, by the distance of the cache. Each step needs an earlier one, as in a tree.
--
--   bq tests/bench/lookups.lua 1000 20 grpc      -- so many steps, so many milliseconds, by `grpc` (casd) or `http` (nginx)
--
-- The servers are those of `tests/engines`; `BQ_ENGINES` names a folder in which they are installed.
local digest = require "bq.digest"
local entry = require "bq.share.entry"
local fetch = require "bq.fetch"
local fs = require "bq.fs"
local generated = require "generated"
local grpc = require "bq.grpc"
local host = require "bq.host"
local json = require "bq.json"
local key = require "bq.plan.key"
local message = require "bq.share.message"
local places = require "bq.share.places"
local process = require "bq.process"
local requests = require "bq.share.requests"
local state = require "bq.run.state"
local store = require "bq.store"
local workspace = require "bq.workspace"

local steps, delay, kind = math.tointeger(tonumber(arg[1] or "1000")), arg[2] or "20", arg[3] or "grpc"
local here = host.script:match "^(.*)/" or "."
local folder = fs.mkdtemp "/tmp/bq-lookups-"
generated.write(folder, steps)
generated.finish(folder)
local space = workspace.new(folder .. "/ws")
local plan = space:plan()

--- Starts a server, and waits for what it prints.
local function started(name, argv)
  local output, said = ("%s/%s.out"):format(folder, name), nil
  local pid = process.spawn { argv = argv, stdout = { output }, die_with_parent = true }
  repeat
    process.wait_any { timeout = 0.05 }
    assert(process.kill(pid, "0"), "the server has ended")
    said = fs.stat(output) and fs.read(output):match "^(.*)\n"
  until said
  return pid, said
end

local engine, url = started("server", {
  "bash",
  ("%s/../engines/%s"):format(here, kind == "grpc" and "casd" or "nginx"),
  folder .. "/server",
  "0",
})
local line, port = started("line", { "python3", here .. "/slow_line.py", url:match "%d+$", delay })

--- The results of all steps. All archives and logs are one blob: nothing is fetched.
local done, blob = state.look(space, plan), { text = "x", digest = { hash = digest.sha256 "x", size = 1 } }
local blobs, results, size = { blob }, {}, 0
for index, step in ipairs(plan.steps) do
  local name = done.keys[step.id]
  local record = fs.read(store.record(space, name))
  local own = { text = record, digest = { hash = digest.sha256(record), size = #record } }
  local action, more = entry.address { key = name, inputs = key.inputs(done.context, step) }
  local text = message.result {
    { path = "log", digest = blob.digest },
    { path = "meta.json", digest = own.digest, contents = record },
    { path = "output.tar.zst", digest = blob.digest },
  }
  blobs[#blobs + 1], results[index], size = own, { action = action, text = text }, size + #text
  table.move(more, 1, #more, #blobs + 1, blobs)
end
if kind == "grpc" then
  local cache = require("bq.share.grpc").new(url, { headers = {}, tls = {} })
  assert(cache:upload(blobs))
  local list = {}
  for index, one in ipairs(results) do
    list[index] = { method = requests.UPDATE_RESULT, send = requests.update_result("", one.action, one.text) }
  end
  for _, answer in ipairs(cache.calls:run(list)) do
    assert(answer.status == 0, answer.message)
  end
else
  fs.mkdir(folder .. "/server/cache/ac")
  for _, one in ipairs(results) do
    fs.write(("%s/server/cache/ac/%s"):format(folder, one.action.hash), one.text, { sync = false })
  end
end
done, blobs, results = nil, nil, nil
fs.remove_all(space:at "store")
fs.mkdir(space:at "store")

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
collectgarbage()
local reset <close> = assert(io.open("/proc/self/clear_refs", "w"))
reset:write "5"
reset:flush()
local resident = memory "VmRSS"

local before = process.clock()
local all = places.new(space, places.of { remote = { ("%s://127.0.0.1:%s"):format(kind, port) } })
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
local peak = memory "VmHWM"
process.kill(line, "TERM")
process.kill(engine, "TERM")
while process.kill(engine, "0") do
  process.wait_any { timeout = 0.05 }
end
fs.remove_all(folder)
print(json.encode({
  kind = kind,
  steps = steps,
  found = found,
  milliseconds = tonumber(delay),
  rounds = rounds,
  seconds = seconds,
  milliseconds_a_step = seconds * 1000 / steps,
  requests_a_step = count / steps,
  bytes_a_step = size // steps,
  memory_mib = (peak - resident) // 1024,
}, { pretty = true }))
