local check = require "check"
local patches_from = require "bq.plan.patches_from"

local function data(fixes)
  return {
    patches_from = {
      { url = "https://a.example/more.tar", sha256 = "x", patches = { { file = "b", fixes = fixes }, { file = "a" } } },
      { debian = "lib_1-1.debian.tar.xz", patches = { { file = "debian/patches/c" } } },
    },
  }
end

check.run {
  {
    "the archives are sources, and the patches are in the order of the recipe",
    function()
      check.equal(patches_from.places(data "CVE-1"), {
        ["patches-1"] = { { url = "https://a.example/more.tar", sha256 = "x" } },
        ["patches-2"] = { { debian = "lib_1-1.debian.tar.xz" } },
      })
      check.equal(patches_from.of(data "CVE-1"), {
        { source = "patches-1", files = { "b", "a" } },
        { source = "patches-2", files = { "debian/patches/c" } },
      })
      check.equal(patches_from.of {}, nil)
    end,
  },
  {
    "a place outside of a list would be left out in silence",
    function()
      local said = {}
      patches_from.check(
        { patches_from = { url = "https://a.example/p.tar", patches = { { file = "a" } } } },
        function(field, message)
          said[#said + 1] = field .. ": " .. message
        end
      )
      check.equal(said, { "patches_from: `patches_from` is a list of places, each a table in braces of its own" })
    end,
  },
  {
    "what a patch is good for is in no key",
    function()
      check.equal(patches_from.of(data "CVE-1"), patches_from.of(data "CVE-2"))
    end,
  },
}
