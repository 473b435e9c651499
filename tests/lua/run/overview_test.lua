-- What `status` says of steps: as data, as a tree, by size and by time.
local built = require "built"
local check = require "check"
local json = require "bq.json"
local scratch = require "scratch"

local plan = built.plan({ { name = "low", base = { "seed" } }, { name = "high", base = { "low" } } }, {
  { "low/lib" },
  { "low/app", { "low/lib" } },
  { "low/tool", { "low/lib", "low/app" } },
  { "high/end", nil, { license = "ISC" } },
  { "high/last", { "high/end" } },
})
local SIZES <const> = { ["low/lib"] = 10, ["low/app"] = 5000, ["low/tool"] = 300 }
built.workspace("space", plan, function(id)
  return SIZES[id] and { ["usr/lib/file"] = ("x"):rep(SIZES[id]), ["usr/lib/more"] = "" }
end)

local function status(...)
  local code, out, err = built.run("status", { "--workspace", "space", ... })
  check.equal(code, 0, err)
  return out
end

check.run {
  {
    "the data has key, output, seconds, size, dependencies, state and reason of each step",
    function()
      local said = json.decode(status "--json")
      check.equal(said.counts, { done = 3, next = 1, waiting = 1 })
      local app, last = said.steps[2], said.steps[5]
      check.equal(#app.key, 40)
      check.equal(#app.output, 64)
      check.equal({ app.step, app.state, app.seconds, app.size, app.files }, { "low/app", "done", 2, 5000, 2 })
      check.equal({ app.dependencies, app.base, app.reason }, { { "low/lib" }, { "seed" }, "it was never built here" })
      check.equal({ said.steps[4].state, said.steps[4].reason }, { "next", "it was never built here" })
      check.equal({ last.state, last.key, last.size }, { "waiting" })
      check.equal(last.reason, "waits for `high/end`")
    end,
  },
  {
    "the largest and the slowest come first, with their part of the sum",
    function()
      local lines = {}
      for line in status("--largest"):gmatch "[^\n]+" do
        lines[#lines + 1] = line:gsub("^ +", ""):gsub(" +", " ")
      end
      check.equal(lines, {
        "5.0 KB 94.2 % low/app",
        "300 B 5.6 % low/tool",
        "10 B 0.2 % low/lib",
        "5.3 KB 3 of 5 steps",
      })
      check.truthy(status("--slowest"):find "^ *3%.0 s  50%.0 %%  low/tool\n")
    end,
  },
  {
    "only what is built from a step",
    function()
      local out = status("--depends-on", "app")
      check.truthy(not out:find "low/lib" and not out:find "low/app")
      check.contains(out, "3 of 5 steps are built from `app`")
      local slowest = status("--depends-on", "lib", "--slowest")
      check.truthy(slowest:find "low/tool" and slowest:find "low/app" and not slowest:find "low/lib")
      local code, _, err = built.run("status", { "--workspace", "space", "--depends-on", "apq" })
      check.equal(code, 2)
      check.contains(err, "did you mean `app`?")
    end,
  },
  {
    "as a tree: each step below those that name it, what is below it once",
    function()
      check.equal(
        status "--tree",
        [[
phase low, on seed
  low/tool 1  done
  ├─ low/lib 1  done
  └─ low/app 1  done
     └─ low/lib 1  done
phase high, on low
  high/last 1  waiting
  └─ high/end 1  next
5 steps: 3 done, 1 next, 1 waiting
]]
      )
    end,
  },
  {
    "a step that failed is named with its log, and nothing is built by looking",
    function()
      local journal = "space/journal.jsonl"
      local text = require("bq.fs").read(journal)
      scratch.write(
        journal,
        text
          .. '{"event":"start","step":"high/end","key":"1","time":1790000100}\n'
          .. '{"event":"end","step":"high/end","key":"1","ok":false,"seconds":1,"time":1790000101}\n'
      )
      check.truthy(status():find "failed   high/end +1 +/.*/logs/high%-end%.log")
      check.equal(json.decode(status "--json").steps[4].reason, "it failed the last time")
    end,
  },
}
