local archive = require "bq.archive"
local check = require "check"
local fs = require "bq.fs"
local scratch = require "scratch"
local split = require "bq.image.split"
local union = require "bq.stage.union"

scratch.write("low/etc/name", "low")
scratch.write("low/srv/www/index", "low index")
scratch.write("low/srv/plain", "low plain")
scratch.write("high/srv/www/index", "high index")
scratch.write("high/srv/www/more", "more")
scratch.write("inner/page", "page")
scratch.write("one", "1")
fs.symlink("www", "low/srv/link")
fs.symlink("srv", "low/away")

local function parts()
  return {
    {
      path = "low",
      package = "low 1",
      yields = { "/srv/www/index" },
      attributes = { srv = { uid = 5 }, ["srv/plain"] = { uid = 6 } },
    },
    { path = "high", package = "high 1", attributes = { srv = { uid = 5 } } },
    { path = "inner", prefix = "srv/www/inner", package = "inner 1" },
    { path = "one", prefix = "srv/one", package = "one 1" },
  }
end

--- The names in a tree, as they are packed.
local function packed(tree)
  archive.pack { output = "out.tar", sources = tree.sources, attributes = tree.attributes, compression = "none" }
  local names = {}
  for _, member in ipairs(archive.list "out.tar") do
    names[#names + 1] = member.path
  end
  return names
end

check.run {
  {
    "each path is on the deepest file system that it is below",
    function()
      local trees = split.at(union.of(parts()), { "srv", "srv/www" })
      check.equal(packed(trees[""]), { "away", "etc", "etc/name", "srv" })
      check.equal(packed(trees.srv), { ".", "link", "one", "plain", "www" })
      check.equal(packed(trees["srv/www"]), { ".", "index", "inner", "inner/page", "more" })
      check.equal(archive.read("out.tar", "index"), "high index")
      check.equal(trees["srv/www"].bytes, #"high index" + #"more" + #"page")
      check.equal(trees.srv.attributes.plain, { uid = 6 })
      check.equal(trees.srv.attributes["."].uid, 5)
      check.equal(trees[""].attributes.srv, { uid = 5 })
    end,
  },
  {
    "nothing to split is the root as it is",
    function()
      local tree = union.of(parts())
      check.equal(packed(split.at(tree, {})[""]), packed(tree))
    end,
  },
  {
    "a mount point is a folder, and no link leads to it",
    function()
      for _, folder in ipairs { "away", "away/www", "etc/name" } do
        check.contains(
          check.raises(function()
            split.at(union.of(parts()), { folder })
          end),
          ("`/%s` cannot be a partition"):format(folder)
        )
      end
    end,
  },
}
