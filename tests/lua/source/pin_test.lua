local check = require "check"
local pin = require "bq.source.pin"

local FIELDS <const> = { { "sha256", "new" }, { "pinned", "2" } }

check.run {
  {
    "a place on a line of its own",
    function()
      local text =
        '-- url = "a"\nreturn {\n  source = {\n    {\n      url = "a", -- why\n      sha256 = "old",\n      pinned = "1",\n    },\n    { url = "b" },\n  },\n}\n'
      check.equal(pin.write(text, "url", "a", FIELDS), (text:gsub("old", "new"):gsub('"1"', '"2"')))
      local bare = text:gsub(' *sha256 = "old",\n', ""):gsub(' *pinned = "1",\n', "")
      check.equal(
        pin.write(bare, "url", "a", FIELDS),
        (
          bare
            :gsub('url = "a",', 'url = "a",\n      sha256 = "new",\n      pinned = "2",', 2)
            :gsub('^%-%- url = "a",.-\nreturn', '-- url = "a"\nreturn')
        )
      )
    end,
  },
  {
    "a place among others on one line",
    function()
      check.equal(pin.write('{ { url = "a" } }', "url", "a", FIELDS), '{ { url = "a", sha256 = "new", pinned = "2" } }')
      check.equal(
        pin.write("{ { sha256 = 'old', url = 'a', size = 1 } }", "url", "a", FIELDS),
        '{ { sha256 = "new", pinned = "2", url = \'a\', size = 1 } }'
      )
      check.equal(
        pin.write('{ { pinned = "1", url = "a" } }', "url", "a", FIELDS),
        '{ { pinned = "2", url = "a", sha256 = "new" } }'
      )
      check.equal(
        pin.write('{ { debian = "a", package = "p" } }', "debian", "a", { FIELDS[1] }),
        '{ { debian = "a", sha256 = "new", package = "p" } }'
      )
    end,
  },
  {
    "every table that names it, and no other",
    function()
      local text =
        '{ a = { url = "a", sha256 = "1" }, b = { url = "a" }, c = { url = "b", sha256 = "3" }, d = { debian = "a" } }'
      check.equal(
        pin.write(text, "url", "a", { FIELDS[1] }),
        '{ a = { url = "a", sha256 = "new" }, b = { url = "a", sha256 = "new" }, c = { url = "b", sha256 = "3" }, d = { debian = "a" } }'
      )
      -- A table inside it is not its own.
      check.equal(
        pin.write('{ url = "a", more = { sha256 = "1" } }', "url", "a", { FIELDS[1] }),
        '{ url = "a", sha256 = "new", more = { sha256 = "1" } }'
      )
    end,
  },
  {
    "a place that is put together is not found",
    function()
      check.equal(pin.write('local home = "a" return { url = home }', "url", "a", FIELDS), nil)
      check.equal(pin.write('return { url = "a\\x62" }', "url", "ab", FIELDS), nil)
      check.equal(pin.write('return "url = \\"a\\""', "url", "a", FIELDS), nil)
    end,
  },
}
