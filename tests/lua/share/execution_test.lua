-- How an action is asked for and waited for, over lost streams. The server is a list of answers, and no time passes.
local calls = require "bq.share.calls"
local check = require "check"
local execution = require "bq.share.execution"
local wire = require "bq.share.wire"

local DIGEST <const> = { hash = ("a"):rep(64), size = 300 }

--- An operation: its name and stage, and how it ended.
local function operation(name, stage, done)
  local metadata = wire.bytes(2, wire.whole(1, stage))
  local out = wire.bytes(1, name) .. wire.bytes(2, metadata)
  return done and out .. wire.whole(3, 1) .. done or out
end

local RESULT <const> = wire.bytes(5, wire.bytes(2, wire.bytes(1, "result")))
local function status(code)
  return wire.bytes(5, wire.bytes(2, wire.bytes(3, wire.whole(1, code))))
end

--- What comes of a list of answers, and which methods were called. Each answer is a status, messages, and whether it was lost.
local function run(answers)
  local asked, heard, pauses = {}, {}, {}
  local wait = calls.wait
  ---@diagnostic disable-next-line: duplicate-set-field
  calls.wait = function(failures)
    pauses[#pauses + 1] = failures
  end
  ---@type any
  local all = {
    try = function(_, one)
      asked[#asked + 1] = one.method:match "[^/]+$"
      local answer = answers[#asked] or answers[#answers]
      for _, text in ipairs(answer.texts or {}) do
        if one.receive and not one.receive(text) then
          break
        end
      end
      return { status = answer.status or 0, message = "said", is_lost = answer.is_lost or false }
    end,
  }
  local ok, outcome = pcall(execution.run, all, "", DIGEST, false, function(one)
    heard[#heard + 1] = one.stage
  end)
  calls.wait = wait
  assert(ok, outcome)
  return outcome, table.concat(asked, " "), table.concat(heard, " "), pauses
end

check.run {
  {
    "an action that is done at once",
    function()
      local outcome, asked, heard =
        run { { texts = { operation("o", 2), operation("o", 3), operation("o", 4, RESULT) } } }
      check.equal(outcome, { result = "result", is_cached = false })
      check.equal({ asked, heard }, { "Execute", "queue work end" })
      -- The stream may end with any status: what was said counts.
      check.equal(run({ { texts = { operation("o", 4, RESULT) }, status = 1 } }).result, "result")
    end,
  },
  {
    "a stream that ends is waited for by its name, whether it was lost or not",
    function()
      for _, first in ipairs {
        { status = calls.UNAVAILABLE },
        { status = calls.OK },
        { status = calls.DEADLINE_EXCEEDED },
        { status = calls.INTERNAL, is_lost = true },
      } do
        first.texts = { operation("o", 2) }
        local outcome, asked = run { first, { texts = { operation("o", 4, RESULT) } } }
        check.equal({ outcome.result, asked }, { "result", "Execute WaitExecution" })
      end
      -- An operation without a name is asked for again.
      local outcome, asked = run { { texts = { operation("", 2) } }, { texts = { operation("", 4, RESULT) } } }
      check.equal({ outcome.result, asked }, { "result", "Execute Execute" })
    end,
  },
  {
    "what the server does not know any more, or cannot wait for, is asked for again",
    function()
      for _, code in ipairs { calls.NOT_FOUND, calls.UNIMPLEMENTED } do
        local outcome, asked = run {
          { texts = { operation("o", 3) } },
          { status = code },
          { texts = { operation("p", 4, RESULT) } },
        }
        check.equal({ outcome.result, asked }, { "result", "Execute WaitExecution Execute" })
      end
    end,
  },
  {
    "a server that is not there is given up, later each time; one that goes on is not",
    function()
      local outcome, asked, _, pauses = run { { status = calls.UNAVAILABLE } }
      check.equal(outcome.trouble, "UNAVAILABLE: said")
      check.equal(pauses, { 1, 2, 3, 4, 5 })
      check.equal(select(2, asked:gsub("Execute", "")), 6)
      -- Whatever is said on the way begins the count anew.
      local answers = {}
      for index = 1, 40 do
        answers[index] = { texts = { operation("o", 2) }, status = calls.UNAVAILABLE }
      end
      answers[41] = { texts = { operation("o", 4, RESULT) } }
      check.equal(run(answers).result, "result")
    end,
  },
  {
    "what is refused is not asked for again",
    function()
      for code, expected in pairs {
        [calls.UNIMPLEMENTED] = { false, false },
        [calls.INVALID_ARGUMENT] = { false, true },
        [calls.FAILED_PRECONDITION] = { true, true },
        [calls.NOT_FOUND] = { true, false },
        [calls.INTERNAL] = { true, false },
      } do
        local outcome, asked = run { { status = code } }
        check.equal(
          { asked, outcome.lacks_blobs or false, outcome.is_refused },
          { "Execute", expected[1], expected[2] },
          code
        )
        outcome, asked = run { { texts = { operation("o", 4, status(code)) } } }
        check.equal(
          { asked, outcome.lacks_blobs or false, outcome.is_refused },
          { "Execute", expected[1], expected[2] },
          code
        )
      end
    end,
  },
  {
    "what is no operation, or has no result, is said",
    function()
      check.truthy(run({ { texts = { "\xff" } } }).trouble:find "no message of the Remote Execution API")
      local outcome = run { { texts = { operation("o", 4, wire.bytes(5, "")) } } }
      check.equal(outcome.trouble, "it says that the action is done, and gives no result")
      check.equal(run({ { status = calls.OK } }).trouble, "it ends its answer before the action is done")
    end,
  },
}
