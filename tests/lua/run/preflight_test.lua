local check = require "check"
local preflight = require "bq.run.preflight"

check.run {
  {
    "findings about this machine",
    function()
      local findings = preflight.run "."
      check.equal(findings[1].name, "disk")
      for _, finding in ipairs(findings) do
        check.truthy(type(finding.message) == "string" and type(finding.ok) == "boolean")
      end
      -- The probe leaves nothing behind.
      check.equal(require("bq.fs").list ".", {})
    end,
  },
}
