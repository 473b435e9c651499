-- What keeps a step apart from the machine decides what the step sees, and is in no key by itself: `FORM` stands for it.
local check = require "check"
local digest = require "bq.digest"
local files = require "bq.files"
local tokens = require "bq.plan.tokens"

local DECIDES <const> =
  { "bq.run.devices", "bq.run.emulated", "bq.run.filters", "bq.run.mask", "bq.run.namespace", "bq.run.step_root" }
local FORM <const>, DIGEST <const> = 5, "22c15ca6dc0688c9"

check.run {
  {
    "who changes what a step sees decides about `FORM`",
    function()
      local parts = {}
      for index, name in ipairs(DECIDES) do
        parts[index] = name .. "=" .. tokens.digest((assert(files.module(name))))
      end
      local form = tonumber(files.module("bq.plan.key"):match "\nlocal FORM = (%d+)\n")
      local now = digest.sha256(table.concat(parts, "\n")):sub(1, 16)
      check.truthy(
        form == FORM and now == DIGEST,
        ("what decides what a step sees was changed (%s): if a step can come out another way, raise `FORM` in `bq.plan.key`; "):format(
          table.concat(DECIDES, ", ")
        ) .. ("then write here: FORM = %d, DIGEST = %q"):format(form or 0, now)
      )
    end,
  },
}
