-- Places of sources that cannot be asked, or must not be named in a recipe.
local check = require "check"
local plan = require "bq.plan.plan"
local scratch = require "scratch"

local count = 0

--- What is said of a place; `nil` if nothing is.
local function said(place)
  count = count + 1
  local text = scratch.recipe("a", ('source = { { %s, sha256 = "%s" } }'):format(place, scratch.sha256 "x"))
  local recipes = scratch.recipes("case" .. count, { a = text })
  local ok, err = pcall(plan.make, scratch.declaration { "a" }, scratch.selection(), recipes)
  return not ok and tostring(err) or nil
end

check.run {
  {
    "a file of Debian's archive begins with its package, or says which that is",
    function()
      check.contains(
        said 'debian = "x-1.tar.gz"',
        "a.lua:6: `x-1.tar.gz`: it does not begin with the name of a package and `_`; name the package by `package`"
      )
      check.contains(said 'debian = "_1.tar.gz"', "it does not begin with the name of a package")
      check.equal(said 'debian = "x-1.tar.gz", package = "x"', nil)
      check.equal(said 'debian = "x_1.orig.tar.gz"', nil)
      check.equal(said 'debian = "{name}_{version}.orig.tar.gz", pinned = "1"', nil)
      check.equal(said 'debian = "libsigc++-2.0_1.orig.tar.gz"', nil)
    end,
  },
  {
    "a password in an address is a mistake, and not shown",
    function()
      local text = said 'url = "https://name:secret@host/x-1.tar.gz"'
      check.contains(text, "`https://***@host/x-1.tar.gz`: a recipe is copied into every rootfs")
      check.truthy(not text:find "secret", text)
      check.equal(said 'url = "https://host/x@1/x-1.tar.gz"', nil)
    end,
  },
}
