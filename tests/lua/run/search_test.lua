-- Texts are found in files of any size, also where a piece that is read ends within one.
local check = require "check"
local fs = require "bq.fs"
local search = require "bq.run.search"

check.run {
  {
    "a text at every place around the end of a piece",
    function()
      for at = (1 << 20) - 200, (1 << 20) + 200, 13 do
        fs.write("file", ("x"):rep(at) .. "\nbefore /bq/src after\n" .. ("y"):rep(1000), { sync = false })
        check.equal(
          { search.find("file", { "/bq/build", "/bq/src" }) },
          { "/bq/src", "before /bq/src after" },
          tostring(at)
        )
      end
      fs.write("file", "at the end /bq/src", { sync = false })
      check.equal({ search.find("file", { "/bq/src" }) }, { "/bq/src", "at the end /bq/src" })
      check.equal(search.find("file", { "/bq/build" }), nil)
    end,
  },
  {
    "text is what has no zero byte",
    function()
      fs.write("file", "text", { sync = false })
      check.equal(search.is_text "file", true)
      fs.write("file", "te\0xt", { sync = false })
      check.equal(search.is_text "file", false)
    end,
  },
}
