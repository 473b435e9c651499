local check = require "check"
local fs = require "bq.fs"
local journal = require "bq.journal"
local workspace = require "bq.workspace"

local space = workspace.new "space"
space:create()

check.run {
  {
    "no journal is an empty one",
    function()
      check.equal(journal.read(space), {})
      check.equal(journal.by_step(space), {})
    end,
  },
  {
    "what was added is read, oldest first, with its time",
    function()
      journal.add(space, { event = "run", jobs = 2 })
      journal.add(space, { event = "start", step = "a", key = "1" })
      journal.add(space, { event = "end", step = "a", key = "1", ok = true, seconds = 1.5 })
      local events = journal.read(space)
      check.equal({ #events, events[1].jobs, events[3].seconds }, { 3, 2, 1.5 })
      check.equal(math.type(events[1].time), "integer")
    end,
  },
  {
    "a torn last line is left out, and what the next run adds is not lost",
    function()
      fs.append(space:at "journal.jsonl", '{"event":"start","step":"b","ke')
      check.equal(#journal.read(space), 3)
      journal.add(space, { event = "run", jobs = 2 })
      journal.add(space, { event = "start", step = "c", key = "3" })
      local events = journal.read(space)
      check.equal({ #events, events[4].event, events[5].step }, { 5, "run", "c" })
    end,
  },
  {
    "the last events of a step",
    function()
      journal.add(space, { event = "start", step = "a", key = "2" })
      local a = journal.by_step(space).a
      check.equal({ a.running.key, a.ended.key, a.done.key }, { "2", "1", "1" })
      journal.add(space, { event = "end", step = "a", key = "2", ok = false, seconds = 1 })
      a = journal.by_step(space).a
      check.equal({ a.running == nil, a.ended.key, a.ended.ok, a.done.key }, { true, "2", false, "1" })
    end,
  },
  {
    "a step that came back from a worker is not running, and has not failed",
    function()
      journal.add(space, { event = "start", step = "away", key = "1" })
      journal.add(space, { event = "back", step = "away", key = "1" })
      local found = journal.by_step(space).away
      check.equal({ found.running == nil, found.ended == nil, found.started.key }, { true, true, "1" })
    end,
  },
  {
    "what an earlier run left unfinished is not running",
    function()
      check.truthy(journal.by_step(space).c.running)
      journal.add(space, { event = "run", jobs = 2 })
      check.equal(journal.by_step(space).c.running, nil)
    end,
  },
}
