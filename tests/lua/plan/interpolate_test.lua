local check = require "check"
local interpolate = require "bq.plan.interpolate"
local json = require "bq.json"

check.run {
  {
    "known names are replaced, other braces stay",
    function()
      local values = { version = "1.2", jobs = 3, kernel_arch = "x86" }
      check.equal(interpolate("a-{version}.tar", values), "a-1.2.tar")
      check.equal(interpolate("-j{jobs} {kernel_arch}", values), "-j3 x86")
      check.equal(interpolate("{other} {} {Version} ${version}", values), "{other} {} {Version} $1.2")
      check.equal(interpolate("{version}%1{version}", { version = "%0" }), "%0%1%0")
    end,
  },
  {
    "tables are gone through, and copied",
    function()
      local old = { url = "{name}/{version}", list = { "{name}", 1, true }, deep = { { "{version}" } } }
      local new = interpolate(old, { name = "n", version = "v" })
      check.equal(new, { url = "n/v", list = { "n", 1, true }, deep = { { "v" } } })
      check.equal(old.url, "{name}/{version}")
      check.equal(interpolate(1, {}), 1)
      check.equal(interpolate(nil, {}), nil)
    end,
  },
  {
    "an empty list of JSON stays a list",
    function()
      check.equal(json.encode(interpolate(json.decode '{"a":[],"b":{}}', {})), '{"a":[],"b":{}}')
    end,
  },
}
