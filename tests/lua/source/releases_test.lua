local bump = require "bq.source.bump"
local check = require "check"
local debian_index = require "bq.source.debian_index"
local fs = require "bq.fs"
local releases = require "bq.source.releases"

local A <const>, B <const> = ("a"):rep(64), ("b"):rep(64)

local INDEX <const> = ([[
Package: app
Binary: app, app-doc
Version: 1:1.9-1
Directory: pool/main/a/app
Checksums-Sha256:
 %s 10 app_1.9.orig.tar.xz
 %s 20 app_1.9-1.debian.tar.xz
Files:
 11111111111111111111111111111111 10 app_1.9.orig.tar.xz

Package: app
Version: 1:1.10-1
Checksums-Sha256:
 %s 30 app_1.10.orig.tar.xz
Directory: pool/main/a/app

Package: tool-9
Version: 9.1-1
Directory: pool/main/t/tool-9
Checksums-Sha256:
 %s 1 tool-9_9.1.orig.tar.gz

Package: tool-10
Version: 10.0-1
Directory: pool/main/t/tool-10
Checksums-Sha256:
 %s 2 tool-10_10.0.orig.tar.gz

Package: tool-10-extra
Version: 99-1
Directory: pool/main/t/tool-10-extra
Checksums-Sha256:
 %s 2 x.tar.gz

Package: torn
Version: 1
]]):format(A, B, B, A, B, A)

check.run {
  {
    "an index of source packages: the newest of each, with its files",
    function()
      local found = debian_index.parse(INDEX)
      check.equal({ found.app.version, found.app.upstream, #found.app.files }, { "1:1.10-1", "1.10", 1 })
      check.equal(
        found.app.files[1],
        { name = "app_1.10.orig.tar.xz", path = "pool/main/a/app/app_1.10.orig.tar.xz", sha256 = B, size = 30 }
      )
      check.equal(found.torn, nil)
      local first = debian_index.parse(INDEX:match "^.-\n\n")
      check.equal({ #first.app.files, first.app.files[2].name }, { 2, "app_1.9-1.debian.tar.xz" })
    end,
  },
  {
    "the older entries of an index, and the files of a release in them",
    function()
      local all = debian_index.parse(INDEX).app.all
      check.equal({ #all, all[1].version, all[2].version }, { 2, "1:1.9-1", "1:1.10-1" })
      -- In whatever order they are.
      local reversed = debian_index.parse((INDEX:gsub("^(.-\n)\n(.-\n)\n", "%2\n%1\n")))
      check.equal({ reversed.app.version, #reversed.app.all }, { "1:1.10-1", 2 })
      local file, package = releases.file(all, "1.9", "%.orig%.tar%.%w+$")
      check.equal({ file and file.sha256, package }, { A, "app" })
      file = releases.file(all, "1.9", "%.debian%.tar%.%w+$")
      check.equal(file and file.name, "app_1.9-1.debian.tar.xz")
      check.equal(releases.file(all, "1.8", "."), nil)
      check.equal(releases.newer(all, "1.8", "1.7"), { "1.10", "1.9" })
      check.equal(releases.newer(all, "1.8", "1.10"), { "1.9" })
      check.equal(releases.newer(all, "1.10", "1.10"), {})
    end,
  },
  {
    "a package that has its release in its name",
    function()
      local suite = debian_index.parse(INDEX)
      check.equal(releases.newest(suite, "tool-9").package, "tool-10")
      check.equal(releases.newest(suite, "tool-8").package, "tool-10")
      check.equal(releases.newest(suite, "app").upstream, "1.10")
      check.equal(releases.newest(suite, "none"), nil)
    end,
  },
  {
    "the page of a folder",
    function()
      local page =
        '<a href="app-1.9.tar.xz">app-1.9.tar.xz</a> <a href="app-1.10.tar.xz"> <a href="app-1.11.tar.gz"> app-docs-2.tar.xz'
      check.equal(releases.listed(page, "app-{version}.tar.xz"), "1.10")
      check.equal(releases.listed(page, "other-{version}.tar.xz"), nil)
      check.equal(releases.listed(page, "app.tar.xz"), nil)
      fs.mkdir "site"
      fs.write("site/index", page)
      local found, problem = releases.at_home("https://127.0.0.1:1/v{version}/app-{version}.tar.xz", ".")
      check.equal(found, nil)
      check.equal(problem, "its folder has the release in its name")
      found, problem = releases.at_home("http://127.0.0.1:1/app-{version}.tar.xz", ".")
      check.equal(found, nil)
      check.truthy(problem)
    end,
  },
  {
    "a recipe is taken to another version, and nothing else of it changes",
    function()
      local text = ([[
-- app 1.9 is what it was.
return {
  name = "app",
  version = "1.9", -- the newest
  source = {
    {
      url = "https://app.example/app-{version}.tar.xz",
      sha256 = "%s",
      pinned = "1.9",
    },
    { debian = "app_1.9.orig.tar.xz", sha256 = "%s" },
  },
  configure = { "--with=1.9" },
}
]]):format(A, A)
      local home = { url = "https://app.example/app-{version}.tar.xz", sha256 = A, pinned = "1.9" }
      local debian = { debian = "app_1.9.orig.tar.xz", sha256 = A }
      local new = "app_1.10.orig.tar.xz"
      check.equal(
        bump.text(text, "1.9", "1.10", { { place = home, sha256 = B }, { place = debian, debian = new, sha256 = B } }),
        (text:gsub('"1%.9"', '"1.10"'):gsub("a" .. ("a"):rep(63), B):gsub("app_1%.9%.", "app_1.10."))
      )
      -- A place that does not have it is not pinned any more.
      check.equal(
        bump.text(text, "1.9", "1.10", { { place = home }, { place = debian, debian = new, sha256 = B } }),
        (
          text
            :gsub('version = "1%.9"', 'version = "1.10"')
            :gsub('\n      sha256 = "a*",\n      pinned = "1%.9",', "")
            :gsub('debian = "app_1%.9', 'debian = "app_1.10')
            :gsub("a" .. ("a"):rep(63), B)
        )
      )
      check.equal(bump.text("local v = '1.9' return { version = v }", "1.9", "1.10", {}), nil)
    end,
  },
}
