local check = require "check"
local version = require "bq.source.version"

check.run {
  {
    "the order of versions, as Debian's policy has it",
    function()
      -- Each is older than the next.
      local order =
        { "1.0~rc1", "1.0", "1.0-1", "1.0-1+b1", "1.0a", "1.0+dfsg", "1.2", "1.10", "1.10.0", "2", "10", "1:0.1" }
      for index = 1, #order do
        for other = 1, #order do
          local found = version.compare(order[index], order[other])
          local sign = found == 0 and 0 or found < 0 and -1 or 1
          check.equal(
            sign,
            index == other and 0 or index < other and -1 or 1,
            order[index] .. " beside " .. order[other]
          )
        end
      end
      check.equal(version.compare("1.007", "1.7"), 0)
      check.truthy(version.compare(("9"):rep(40), ("1"):rep(41)) < 0)
    end,
  },
  {
    "the release of the original in a Debian version",
    function()
      for debian, upstream in pairs {
        ["1.2.5-3"] = "1.2.5",
        ["1:2.55.0-1"] = "2.55.0",
        ["1:1.3.dfsg+really1.3.1-1+b1"] = "1.3.1",
        ["2.41-12+deb13u1"] = "2.41",
        ["1.0-rc1-2"] = "1.0-rc1",
        ["4.6.1+ds1-1"] = "4.6.1",
        ["3.7.4~repack-1"] = "3.7.4",
        ["10.46"] = "10.46",
      } do
        check.equal(version.upstream(debian), upstream, debian)
      end
    end,
  },
}
