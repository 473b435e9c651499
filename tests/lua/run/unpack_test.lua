-- Sources on their way into a step: what is refused comes with what the recipe can say about it.
local archive = require "bq.archive"
local check = require "check"
local digest = require "bq.digest"
local fail = require "bq.fail"
local fs = require "bq.fs"
local jobs = require "bq.run.job"
local scratch = require "scratch"
local unpack = require "bq.run.unpack"

--- Packs the files of a folder, and gives what a job says of them.
local function packed(files, more)
  fs.remove_all "tree"
  for path, text in pairs(files) do
    if text:find "^-> " then
      fs.mkdir("tree/" .. path:match "^(.*)/")
      fs.symlink(text:sub(4), "tree/" .. path)
    else
      scratch.write("tree/" .. path, text)
    end
  end
  archive.pack { output = "source.tar.gz", sources = { { path = "tree" } } }
  local source = { path = "source.tar.gz", sha256 = digest.file "source.tar.gz", name = "source.tar.gz" }
  for key, value in pairs(more or {}) do
    source[key] = value
  end
  return source
end

local function lines(file)
  fs.remove_all "out"
  local err = check.raises(function()
    unpack.one(file, "out", { epoch = 1 })
  end)
  check.truthy(fail.is_expected(err), tostring(err))
  return table.concat(fail.lines(err), "\n")
end

local function names(file, options)
  fs.remove_all "out"
  options = options or {}
  unpack.one(file, "out", { epoch = 1, include = options.include })
  local out = {}
  for _, entry in ipairs(fs.walk "out") do
    out[#out + 1] = entry.path
  end
  return out
end

check.run {
  {
    "files beside the folder that goes are not lost",
    function()
      local files = { ["package.xml"] = "x", ["app-1/a"] = "a" }
      local text = lines(packed(files))
      check.contains(text, "cannot unpack the source `source.tar.gz`")
      check.contains(text, "`package.xml`: with `strip = 1` nothing is left of its name")
      check.contains(
        text,
        'hint: if they are wanted: `strip = 0` beside the source\'s address; if not: `exclude = { "package.xml" }`'
      )
      check.equal(names(packed(files, { exclude = { "package.xml" } })), { "a" })
      check.equal(names(packed(files, { strip = 0 })), { "app-1", "app-1/a", "package.xml" })
      check.contains(lines(packed({ ["a/b/c"] = "1", ["a/d"] = "2" }, { strip = 2 })), "`strip = 1` beside")
    end,
  },
  {
    "what a policy refuses can be left out",
    function()
      local files = { ["app-1/a"] = "a", ["app-1/tests/data/link"] = "-> /nowhere" }
      local text = lines(packed(files))
      check.contains(text, "`tests/data/link`: a link to an absolute path")
      check.contains(
        text,
        'hint: if the build does not need it: `exclude = { "tests/data/*" }` beside the source\'s address'
      )
      check.equal(names(packed(files, { exclude = { "tests/data/*" } })), { "a", "tests", "tests/data" })
      check.equal(names(packed(files, { exclude = { "tests/*" } }), { include = { "a", "tests" } }), { "a", "tests" })
    end,
  },
  {
    "a file that is no archive",
    function()
      scratch.write("font.ttf", "a font")
      local file = { path = "font.ttf", sha256 = digest.file "font.ttf", name = "some-1.ttf" }
      local text = lines(file)
      check.contains(text, "what is known: tar (plain, or with gzip, xz, bzip2, zstd, lzip or lzma), zip and .deb")
      check.contains(text, "hint: for a file that is no archive: `unpack = false` beside the source's address")
      file.unpack = false
      check.equal(names(file), { "some-1.ttf" })
      local stat = fs.stat "out/some-1.ttf"
      check.equal({ fs.read "out/some-1.ttf", stat.mode, stat.mtime }, { "a font", tonumber("644", 8), 1 })
      file.sha256 = digest.sha256 "another"
      check.contains(lines(file), "the source `some-1.ttf` is not what was fetched")
      -- An archive stays as it is, too.
      local whole = packed({ ["app-1/a"] = "a" }, { unpack = false })
      check.equal(names(whole), { "source.tar.gz" })
      check.equal(digest.file "out/source.tar.gz", whole.sha256)
    end,
  },
  {
    "the main source is the tree, the others lie beside it",
    function()
      fs.remove_all "step"
      local at = jobs.paths "step"
      local job = {
        -- Both are the same file.
        sources = { main = packed { ["a-1/x"] = "x" }, more = packed({ ["a-1/x"] = "x" }, { exclude = { "x" } }) },
        step = { fields = {} },
        epoch = 7,
      }
      unpack.all(job, at)
      check.equal(fs.stat(at.src .. "/x").mtime, 7)
      check.equal(fs.list(at.build .. "/more"), {})
    end,
  },
}
