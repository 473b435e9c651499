#!/usr/bin/env bq
-- What it costs to look up a plan in a cache, by the distance of the cache. Each step needs an earlier one, as in a tree.
--
--   bq tests/bench/lookups.lua 1000 20 grpc      -- so many steps, so many milliseconds, by `grpc` (casd) or `http` (nginx)
--
-- The servers are those of `tests/engines`; `BQ_ENGINES` names a folder in which they are installed.
local digest = require "bq.digest"
local entry = require "bq.share.entry"
local fs = require "bq.fs"
local generated = require "generated"
local host = require "bq.host"
local json = require "bq.json"
local key = require "bq.plan.key"
local message = require "bq.share.message"
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
fs.remove_all(space:at "store")
fs.mkdir(space:at "store")

-- A process of its own asks, so that its memory is that of the look-up.
local asked = process.run {
  argv = { process.executable(), here .. "/look.lua", folder, ("%s://127.0.0.1:%s"):format(kind, port) },
  stdout = "capture",
}
assert(asked.ok, "the look-up failed")
local figures = json.decode(asked.stdout)
process.kill(line, "TERM")
process.kill(engine, "TERM")
while process.kill(engine, "0") do
  process.wait_any { timeout = 0.05 }
end
fs.remove_all(folder)
figures.kind, figures.steps, figures.milliseconds, figures.bytes_a_step = kind, steps, tonumber(delay), size // steps
print(json.encode(figures, { pretty = true }))
