local check = require "check"
local report = require "bq.report"

check.run {
  {
    "seconds for people",
    function()
      check.equal({
        report.time(0.04),
        report.time(9.94),
        report.time(12.4),
        report.time(99),
        report.time(200.9),
        report.time(3599),
        report.time(9000),
      }, {
        "0.0 s",
        "9.9 s",
        "12 s",
        "99 s",
        "3 min 20 s",
        "59 min 59 s",
        "2 h 30 min",
      })
    end,
  },
  {
    "a number of things",
    function()
      check.equal(
        { report.count(0, "path"), report.count(1, "path"), report.count(2, "path") },
        { "0 paths", "1 path", "2 paths" }
      )
    end,
  },
  {
    "bytes for people",
    function()
      check.equal(
        { report.size(0), report.size(999), report.size(1000), report.size(1500000), report.size(3 * 1000 ^ 4) },
        {
          "0 B",
          "999 B",
          "1.0 KB",
          "1.5 MB",
          "3000.0 GB",
        }
      )
    end,
  },
}
