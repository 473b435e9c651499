-- What is said at the end of a run.
local check = require "check"
local summary = require "bq.run.summary"

--- The lines for a run with these states and failures.
---@param away? table what workers did
local function lines(states, failed, display, away)
  local steps, failures = {}, {}
  for id in pairs(states) do
    steps[#steps + 1] = { id = id }
  end
  for index, id in ipairs(failed) do
    failures[index] = { step = id, log = "/logs/" .. id }
  end
  local space = {
    option = function()
      return " --workspace w"
    end,
  }
  ---@type any
  local run = {
    plan = { steps = steps },
    state = { states = states },
    failures = failures,
    workspace = space,
    display = display or {},
    away = away and { counts = away },
  }
  return summary.new():lines(run, 3, "bq scripts/status.lua")
end

check.run {
  {
    "every step that failed is named, with its log, up to five",
    function()
      check.equal(lines({ a = "failed", b = "failed", c = "blocked" }, { "a", "b" }), {
        "built 0, reused 0, in 3.0 s",
        "log: /logs/a",
        "     /logs/b",
        "next: mend `a`, `b`, then run the same command",
        "3 steps: 2 failed, 1 blocked",
      })
      local states, failed = {}, {}
      for index = 1, 8 do
        failed[index] = "s" .. index
        states[failed[index]] = "failed"
      end
      local said = lines(states, failed)
      check.equal(#said, 8)
      check.equal(said[7], "next: mend `s1`, `s2`, `s3`, `s4`, `s5`, 3 more, then run the same command")
    end,
  },
  {
    "what workers built is told, and the time in queues if there is any to speak of",
    function()
      local function said(queued)
        return lines({ a = "done" }, {}, nil, { built = 1, seconds = 9, queued = queued })[2]
      end
      check.equal(said(0.9), "workers built 1 of them")
      check.equal(said(75), "workers built 1 of them, after 75 s in queues")
      check.equal(lines({ a = "done" }, {})[2], "log of a step: `bq scripts/log.lua STEP --workspace w`")
    end,
  },
  {
    "after a signal nothing is said to run, and what is next is left to the error that follows",
    function()
      check.equal(lines({ a = "done", b = "running", c = "waiting" }, {}, { why_stopping = "stopping by Ctrl-C" }), {
        "built 0, reused 1, in 3.0 s",
        "log of a step: `bq scripts/log.lua STEP --workspace w`",
        "3 steps: 1 done, 1 waiting, 1 stopped",
      })
    end,
  },
  {
    "what is next, if all is done and if not",
    function()
      check.equal(lines({ a = "done" }, {})[3], "next: `bq scripts/status.lua --workspace w`")
      check.equal(lines({ a = "done", b = "waiting" }, {})[3], "next: the same command goes on")
    end,
  },
}
