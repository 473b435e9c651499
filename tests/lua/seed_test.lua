local archive = require "bq.archive"
local check = require "check"
local digest = require "bq.digest"
local fail = require "bq.fail"
local fs = require "bq.fs"
local scratch = require "scratch"
local seed = require "bq.seed"
local workspace = require "bq.workspace"

local space = workspace.new "space"
space:create()

scratch.write("tree/etc/name", "seed\n")
scratch.write("tree/bin/tool", "#!/bin/sh\n", tonumber("755", 8))
scratch.write("tree/usr/local/bin/bq", "an older bq")
scratch.write("tree/usr/local/share/bq/staged.json", "{}")
scratch.write("tree/var/lib/bq/plan.json", "{}")
fs.symlink("/bin/tool", "tree/bin/link")
local SHA256 <const> = archive.pack({ output = "seed.tar.gz", sources = { { path = "tree" } } }).sha256

local function usage(word, lines)
  local err = check.raises(function()
    seed.resolve(word, "x86_64", space)
  end)
  check.equal(fail.lines(err), lines)
  check.equal(err.status, 2)
end

check.run {
  {
    "a tarball, by a path, with and without its digest",
    function()
      for _, word in ipairs { "seed.tar.gz", "./seed.tar.gz", fs.cwd() .. "/seed.tar.gz", "seed.tar.gz#sha256=" .. SHA256 } do
        local one = seed.resolve(word, "x86_64", space)
        check.equal(one.id, "tarball:seed.tar.gz")
        local lock = one.obtain(space, {})
        check.equal({ lock.id, lock.sha256, lock.arch }, { "tarball:seed.tar.gz", SHA256, "x86_64" })
      end
    end,
  },
  {
    "it is unpacked without what an earlier staging put into it",
    function()
      local one = seed.resolve("seed.tar.gz", "x86_64", space)
      one.unpack(space, one.obtain(space, {}), "root")
      check.equal(fs.read "root/etc/name", "seed\n")
      check.equal({ fs.stat("root/bin/tool").mode, fs.readlink "root/bin/link" }, { tonumber("755", 8), "/bin/tool" })
      for _, gone in ipairs { "usr/local/bin/bq", "usr/local/share/bq", "var/lib/bq" } do
        check.equal(fs.lstat("root/" .. gone), nil, gone)
      end
      -- Unpacked once more, it is the same tree.
      one.unpack(space, one.obtain(space, {}), "again")
      check.equal(digest.tree "again", digest.tree "root")
    end,
  },
  {
    "a wrong digest shows both",
    function()
      local wrong = ("0"):rep(64)
      local one = seed.resolve("seed.tar.gz#sha256=" .. wrong, "x86_64", space)
      check.equal(
        fail.lines(check.raises(function()
          one.obtain(space, {})
        end)),
        { "error: the seed `seed.tar.gz` is not what was asked for", ("caused by: sha256 is %s, expected %s"):format(SHA256, wrong) }
      )
    end,
  },
  {
    "a truncated tarball leaves nothing",
    function()
      fs.write("cut.tar.gz", fs.read("seed.tar.gz"):sub(1, -100))
      local one = seed.resolve("cut.tar.gz", "x86_64", space)
      local err = check.raises(function()
        one.unpack(space, one.obtain(space, {}), "cut")
      end)
      check.equal(err.code, "truncated")
    end,
  },
  {
    "an address has to have a digest, and comes from the workspace once it is there",
    function()
      usage("http://127.0.0.1:1/seed.tar.gz", {
        "error: the seed `http://127.0.0.1:1/seed.tar.gz` has no digest",
        "hint: write `--seed http://127.0.0.1:1/seed.tar.gz#sha256=…`, with the digest that its maker published",
      })
      local one = seed.resolve("http://127.0.0.1:1/seed.tar.gz#sha256=" .. SHA256, "x86_64", space)
      check.equal(
        fail.lines(check.raises(function()
          one.obtain(space, { offline = true })
        end)),
        { "error: the seed `http://127.0.0.1:1/seed.tar.gz` is not in the workspace", "hint: run it once without `--offline`" }
      )
      fs.write(space:at("seed", SHA256:sub(1, 16) .. "-seed.tar.gz"), fs.read "seed.tar.gz")
      check.equal(one.obtain(space, { offline = true }).sha256, SHA256)
      check.equal(one.obtain(space, {}).sha256, SHA256)
    end,
  },
  {
    "words that stand for no seed",
    function()
      usage("none.tar.gz", {
        "error: the seed `none.tar.gz` is not there",
        "hint: a seed is auto, alpine, debian[:SUITE], a tarball's path, or its address",
      })
      usage("debain", { "error: no seed `debain`", "hint: did you mean `--seed debian`?" })
      usage("gentoo", { "error: no seed `gentoo`", "hint: a seed is auto, alpine, debian[:SUITE], a tarball's path, or its address" })
    end,
  },
  {
    "a folder is no tarball",
    function()
      local err = check.raises(function()
        seed.resolve("./tree", "x86_64", space).obtain(space, {})
      end)
      check.truthy(fail.is_expected(err), tostring(err))
    end,
  },
}
