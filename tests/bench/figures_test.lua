local check = require "check"
local fs = require "bq.fs"
local figures = require "figures"

local function result(ours, theirs)
  return { name = "x", what = "what", beside = "tool", ours = ours, theirs = theirs }
end

check.run {
  {
    "ratios, times, and what goes with them",
    function()
      check.equal(figures.judge({ reach = 0.9 }, result(0.8, 1)).reached, true)
      check.equal(figures.judge({ reach = 0.9 }, result(0.95, 1)).reached, false)
      check.equal(figures.judge({ at_most = 0.004 }, result(0.013, 0.010)).reached, true)
      check.equal(figures.judge({ at_most = 0.004 }, result(0.015, 0.010)).reached, false)
      check.equal(figures.judge({ at_most = 3, alone = true }, result(2.9, 0.1)).reach, "≤ 3 s")
      local step = figures.judge({ at_most = 0.04, per = 20 }, result(1.0, 0.5))
      check.equal(step.ours, 0.025)
      check.equal(step.reached, true)
      local large = result(0.5, 1)
      large.memory, large.size_ratio = 120, 1.01
      check.equal(figures.judge({ reach = 0.9, max_memory = 100, within = 1.05 }, large).reached, false)
      check.equal(large.reach, "≤ 0.90 ×, ≤ 100 MB, size ≤ 1.05 ×")
    end,
  },
  {
    "the table has its place in a file",
    function()
      local piped, quick = result(0.95, 1), result(0.0015, 0.0012)
      piped.beside = "a | b"
      local text = figures.text(
        { figures.judge({ reach = 0.9 }, piped), figures.judge({ at_most = 0.004 }, quick) },
        "a machine",
        3
      )
      check.contains(text, "| what | tool | 1.5 ms | 1.2 ms |  | ≤ 4 ms more |")
      check.contains(text, "| what | a \\| b | 0.95 s | 1.00 s | 0.95 | ≤ 0.90 × (missed) |")
      fs.write("readme", "a\n<!-- bench -->\nold\n<!-- /bench -->\nb\n")
      figures.place("readme", text)
      figures.place("readme", text)
      check.equal(fs.read "readme", "a\n<!-- bench -->\n\n" .. text .. "\n\n<!-- /bench -->\nb\n")
      fs.write("readme", "none")
      check.raises(function()
        figures.place("readme", text)
      end, "`readme` has no place for the table")
    end,
  },
}
