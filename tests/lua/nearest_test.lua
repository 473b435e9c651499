local check = require "check"
local nearest = require "bq.nearest"

check.run {
  {
    "one edit in four characters is near enough",
    function()
      check.equal(nearest("depnds", { "depends", "uses" }), "depends")
      check.equal(nearest("uses", { "uses" }), "uses")
      check.equal(nearest("zlbi", { "zlib", "xz" }), "zlib")
      check.equal(nearest("a", { "b" }), "b")
    end,
  },
  {
    "what is far is nothing",
    function()
      check.equal(nearest("quux", { "depends", "source" }), nil)
      check.equal(nearest("word", {}), nil)
      check.equal(nearest("zlib", { "zlibabc" }), nil)
    end,
  },
  {
    "the keys of a map are words, and of equals the first by byte wins",
    function()
      check.equal(nearest("pahse", { phase = 1, source = 2 }), "phase")
      check.equal(nearest("cat", { "hat", "bat" }), "bat")
      check.equal(nearest("cat", { hat = 1, bat = 1 }), "bat")
    end,
  },
}
