local apt = require "bq.source.apt"
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
      for _, word in ipairs {
        "seed.tar.gz",
        "./seed.tar.gz",
        fs.cwd() .. "/seed.tar.gz",
        "seed.tar.gz#sha256=" .. SHA256,
      } do
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
      one.unpack(space, one.obtain(space, {}), "root", {})
      check.equal(fs.read "root/etc/name", "seed\n")
      check.equal({ fs.stat("root/bin/tool").mode, fs.readlink "root/bin/link" }, { tonumber("755", 8), "/bin/tool" })
      for _, gone in ipairs { "usr/local/bin/bq", "usr/local/share/bq", "var/lib/bq" } do
        check.equal(fs.lstat("root/" .. gone), nil, gone)
      end
      -- Unpacked once more, it is the same tree.
      one.unpack(space, one.obtain(space, {}), "again", {})
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
        {
          "error: the seed `seed.tar.gz` is not what was asked for",
          ("caused by: sha256 is %s, expected %s"):format(SHA256, wrong),
        }
      )
    end,
  },
  {
    "a truncated tarball leaves nothing",
    function()
      fs.write("cut.tar.gz", fs.read("seed.tar.gz"):sub(1, -100))
      local one = seed.resolve("cut.tar.gz", "x86_64", space)
      local err = check.raises(function()
        one.unpack(space, one.obtain(space, {}), "cut", {})
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
        {
          "error: the seed `http://127.0.0.1:1/seed.tar.gz` is not in the workspace",
          "hint: run it once without `--offline`",
        }
      )
      fs.write(space:at("seed", SHA256:sub(1, 16) .. "-seed.tar.gz"), fs.read "seed.tar.gz")
      check.equal(one.obtain(space, { offline = true }).sha256, SHA256)
      check.equal(one.obtain(space, {}).sha256, SHA256)
    end,
  },
  {
    "a digest that is none",
    function()
      for _, mark in ipairs { "sha256=abc", "abc", "sha256=" .. SHA256 .. "0", "" } do
        usage("seed.tar.gz#" .. mark, {
          ("error: `#%s` of the seed is no SHA-256 digest"):format(mark),
          "hint: write `--seed seed.tar.gz#sha256=…`, with 64 hexadecimal digits",
        })
      end
      check.equal(
        seed.resolve("seed.tar.gz#sha256=" .. SHA256:upper(), "x86_64", space).obtain(space, {}).sha256,
        SHA256
      )
      check.equal(seed.resolve("seed.tar.gz#" .. SHA256, "x86_64", space).obtain(space, {}).sha256, SHA256)
      fs.write("odd#name.tar.gz", fs.read "seed.tar.gz")
      check.equal(seed.resolve("odd#name.tar.gz", "x86_64", space).obtain(space, {}).sha256, SHA256)
    end,
  },
  {
    "what was locked stays, as long as it is the same file",
    function()
      local one = seed.resolve("seed.tar.gz", "x86_64", space)
      local lock = one.obtain(space, {})
      lock.digest = "as it was"
      check.equal(one.obtain(space, { lock = lock }).digest, "as it was")
      for _, changed in ipairs { { "sha256", ("0"):rep(64) }, { "arch", "aarch64" }, { "id", "debian:trixie" } } do
        local other = { id = lock.id, arch = lock.arch, sha256 = lock.sha256, digest = lock.digest }
        other[changed[1]] = changed[2]
        check.equal(one.obtain(space, { lock = other }).digest, nil, changed[1])
      end
    end,
  },
  {
    "a path may begin like another seed's name",
    function()
      for _, name in ipairs { "alpine.tar.gz", "debian-rootfs.tar.gz", "auto.tar.gz" } do
        fs.write(name, fs.read "seed.tar.gz")
        check.equal(seed.resolve(name, "x86_64", space).id, "tarball:" .. name)
      end
    end,
  },
  {
    "alpine, by what is said after its name",
    function()
      check.equal(seed.resolve("alpine:" .. SHA256, "x86_64", space).id, "alpine:3.23.2")
      check.equal(seed.resolve("alpine:" .. SHA256 .. "@http://127.0.0.1:1/", "aarch64", space).id, "alpine:3.23.2")
      usage("alpine:" .. SHA256:sub(2), {
        ("error: `%s` is no SHA-256 digest of a minirootfs"):format(SHA256:sub(2)),
        "hint: write `--seed alpine:DIGEST`, with 64 hexadecimal digits, or `alpine:DIGEST@MIRROR`",
      })
      usage(("alpine:%s@nowhere"):format(SHA256), {
        "error: `nowhere` is no mirror of Alpine",
        "hint: a mirror is an address: `--seed alpine:DIGEST@https://…`",
      })
      local err = check.raises(function()
        seed.resolve("alpine:" .. SHA256, "riscv64", space)
      end)
      check.equal({ tostring(err):match "[^\n]+", err.status }, { "error: there is no Alpine for riscv64", 2 })
      check.equal(seed.resolve("alpine", "x86_64", space).id, "alpine:3.23.2")
      check.equal(seed.resolve("alpine", "aarch64", space).id, "alpine:3.23.2")
    end,
  },
  {
    "debian, by what is said after its name",
    function()
      check.equal(
        { seed.resolve("debian", "x86_64", space).id, seed.resolve("debian:bookworm", "x86_64", space).id },
        { "debian:trixie", "debian:bookworm" }
      )
      check.equal(seed.resolve("debian:sid@http://127.0.0.1:1/", "x86_64", space).id, "debian:sid")
      check.equal(seed.resolve("debian@http://127.0.0.1:1/", "x86_64", space).id, "debian:trixie")
      usage("debian:trixie main", {
        "error: `trixie main` is no suite of Debian",
        "hint: a suite is a word such as trixie or bookworm: `--seed debian:trixie`",
      })
      usage("debian:trixie@here", {
        "error: `here` is no mirror of Debian",
        "hint: a mirror is an address: `--seed debian:SUITE@https://…`",
      })
    end,
  },
  {
    "why no debian can be locked here, and what to do",
    function()
      local has_apt, mirrors = apt.is_available, apt.mirrors
      local debian_lock = require "bq.seed.debian_lock"
      local function reason(available, known, arch, mirror)
        apt.is_available = function()
          return available
        end
        apt.mirrors = function()
          return known
        end
        return { debian_lock.reason_against(arch, mirror) }
      end
      check.equal(reason(true, {}, "riscv64"), { "no Debian for riscv64", "name a rootfs tarball: `--seed PATH`" })
      check.equal(reason(false, {}, "x86_64")[1], "this machine has no apt")
      check.equal(
        reason(true, {}, "aarch64"),
        { "this machine's apt knows no Debian mirror", "name one: `--seed debian:SUITE@https://…`" }
      )
      -- With a mirror that is given, the machine's own do not matter.
      check.truthy(reason(true, {}, "x86_64", "http://127.0.0.1:1")[1] ~= "this machine's apt knows no Debian mirror")
      apt.is_available, apt.mirrors = has_apt, mirrors
    end,
  },
  {
    "a lock that comes with bq is there for both architectures, whole",
    function()
      local debian_lock = require "bq.seed.debian_lock"
      for _, arch in ipairs { "x86_64", "aarch64" } do
        local lock = debian_lock.shipped(arch)
        check.equal({ lock.id, lock.arch, lock.origin, #lock.digest }, { "debian:trixie", arch, "shipped", 64 })
        check.truthy(lock.snapshot.time:find "^%d%d%d%d%d%d%d%dT%d%d%d%d%d%dZ$", lock.snapshot.time)
        check.truthy(#lock.packages > 100)
        local seen, last = {}, ""
        for _, package in ipairs(lock.packages) do
          local name = package.pool:match "^pool/main/.+/([^/]+%.deb)$"
          check.truthy(name and name > last and not seen[package.sha256], package.pool)
          check.truthy(#package.sha256 == 64 and package.size > 0, package.pool)
          check.truthy(
            name:find("_all.deb", 1, true) or name:find("_" .. debian_lock.ARCH[arch] .. ".deb", 1, true),
            name
          )
          seen[package.sha256], last = true, name
        end
      end
      check.equal(debian_lock.shipped "riscv64", nil)
    end,
  },
  {
    "what differs between two locks",
    function()
      local changes = require("bq.seed.debian_lock").changes
      local function lock(...)
        local out = { packages = {} }
        for _, one in ipairs { ... } do
          table.insert(out.packages, { pool = "pool/main/x/" .. one[1], sha256 = one[2] })
        end
        return out
      end
      local old = lock(
        { "a_1-1_amd64.deb", "1" },
        { "b_2_all.deb", "2" },
        { "c++_3_amd64.deb", "3" },
        { "d_4_all.deb", "4" }
      )
      check.equal(changes(old, old), {})
      check.equal(
        changes(
          old,
          lock({ "a_1-2_amd64.deb", "5" }, { "c++_3_amd64.deb", "6" }, { "d_4_all.deb", "4" }, { "e_5_all.deb", "7" })
        ),
        {
          "a: 1-1 → 1-2",
          "gone: b 2",
          "other bytes: c++ 3",
          "new: e 5",
        }
      )
    end,
  },
  {
    "the lock that counts: the shipped one, or one that this workspace made",
    function()
      local path = space:at "seed/packages/a_1_all.deb"
      scratch.write(path, "a")
      local packages = { { pool = "pool/main/a/a/a_1_all.deb", size = 1, sha256 = digest.sha256 "a" } }
      local own = { id = "debian:trixie", arch = "x86_64", packages = packages, origin = "apt" }
      -- What apt locked for `debian:trixie` is kept for that, and is not what `debian` means.
      check.truthy(seed.resolve("debian:trixie", "x86_64", space).obtain(space, { lock = own, offline = true }) == own)
      local err = check.raises(function()
        seed.resolve("debian", "x86_64", space).obtain(space, { lock = own, offline = true })
      end)
      check.contains(err, "packages of the seed are missing")
      -- A lock that `--update-seed` made stays.
      own.updated = true
      check.truthy(seed.resolve("debian", "x86_64", space).obtain(space, { lock = own, offline = true }) == own)
      fs.remove(path)
      err = check.raises(function()
        seed.resolve("debian", "x86_64", space).obtain(space, { lock = own, offline = true })
      end)
      check.equal(fail.lines(err)[2], "  a_1_all.deb  sha256 " .. digest.sha256 "a")
    end,
  },
  {
    "auto takes the first that can be had, or lists why none can",
    function()
      local kinds = {}
      for _, name in ipairs { "alpine", "debian" } do
        kinds[name] = package.loaded["bq.seed." .. name]
        package.loaded["bq.seed." .. name] = {
          reason_against = function()
            return "it rains"
          end,
          make = function(argument, arch)
            return { id = ("%s for %s, %s"):format(name, arch, argument) }
          end,
        }
      end
      local err = check.raises(function()
        seed.resolve("auto", "x86_64", space)
      end)
      check.equal(fail.lines(err), {
        "error: no seed can be had on this machine",
        "caused by: not debian: it rains; not alpine: it rains",
        "hint: give a rootfs tarball that has clang, lld, llvm, cmake and make: `--seed PATH`",
      })
      package.loaded["bq.seed.alpine"].reason_against = function() end
      check.equal(seed.resolve("auto", "x86_64", space).id, "alpine for x86_64, nil")
      package.loaded["bq.seed.debian"].reason_against = function() end
      check.equal(seed.resolve("auto", "x86_64", space).id, "debian for x86_64, nil")
      for name, kind in pairs(kinds) do
        package.loaded["bq.seed." .. name] = kind
      end
    end,
  },
  {
    "words that stand for no seed",
    function()
      usage("none.tar.gz", {
        "error: the seed `none.tar.gz` is not there",
        "hint: a seed is auto, debian[:SUITE], alpine, a tarball's path, or its address",
      })
      usage("debain", { "error: no seed `debain`", "hint: did you mean `--seed debian`?" })
      usage(
        "gentoo",
        { "error: no seed `gentoo`", "hint: a seed is auto, debian[:SUITE], alpine, a tarball's path, or its address" }
      )
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
  {
    "the locks that come with bq are what they should be",
    function()
      local debian_lock = require "bq.seed.debian_lock"
      for arch in pairs(debian_lock.ARCH) do
        local lock = assert(debian_lock.shipped(arch), arch)
        check.equal({ lock.arch, lock.id, lock.origin }, { arch, "debian:" .. debian_lock.SUITE, "shipped" })
        check.truthy(#lock.packages > 50 and lock.digest and lock.snapshot)
      end
      check.equal(debian_lock.shipped "vax", nil)
    end,
  },
}
