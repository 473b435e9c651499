local debian_archive = require "bq.source.debian_archive"
local check = require "check"
local digest = require "bq.digest"
local fail = require "bq.fail"
local fs = require "bq.fs"
local identity = require "bq.source.identity"
local plan_module = require "bq.plan.plan"
local scratch = require "scratch"
local source = require "bq.source.source"
local workspace = require "bq.workspace"

local count = 0

local function space()
  count = count + 1
  local made = workspace.new("space" .. count)
  made:create()
  return made
end

--- A plan of one step `app 1` with these alternatives.
local function plan(alternatives, more)
  local steps = { { name = "app", version = "1", sources = { main = alternatives } } }
  for _, step in ipairs(more or {}) do
    steps[#steps + 1] = step
  end
  return { steps = steps }
end

local CONTENT <const> = "the source"
local HASH <const> = digest.sha256(CONTENT)
local NOWHERE <const> = "http://127.0.0.1:1/app-{version}.tar"

local function get(where, alternatives, mirrors, offline)
  return source.get(where, plan(alternatives), { mirrors = mirrors or {}, offline = offline })["app-1:main"]
end

local function lines(body)
  local err = check.raises(body)
  check.truthy(fail.is_expected(err), tostring(err))
  return fail.lines(err)
end

check.run {
  {
    "a mirror folder has it under its own name, under ours, or under its digest",
    function()
      for index, name in ipairs { "app-1.tar", HASH:sub(1, 16) .. "-app-1.tar", HASH } do
        local mirror = "mirror" .. index
        scratch.write(mirror .. "/" .. name, CONTENT)
        local where = space()
        local got = get(where, { { url = NOWHERE, sha256 = HASH } }, { fs.cwd() .. "/" .. mirror }, true)
        check.equal({ got.sha256, got.file }, { HASH, HASH:sub(1, 16) .. "-app-1.tar" })
        check.equal(fs.read(where:at("sources", got.file)), CONTENT)
      end
    end,
  },
  {
    "a mirror with a slash at its end, and a relative one",
    function()
      check.truthy(get(space(), { { url = NOWHERE, sha256 = HASH } }, { fs.cwd() .. "/mirror1/" }, true))
      check.truthy(get(space(), { { url = NOWHERE, sha256 = HASH } }, { "mirror1" }, true))
    end,
  },
  {
    "a mirror with other bytes is told, with both digests, and the next is asked",
    function()
      scratch.write("liar/app-1.tar", "other")
      check.truthy(get(space(), { { url = NOWHERE, sha256 = HASH } }, { "liar", "mirror1" }, true))
      local shown = table.concat(
        lines(function()
          get(space(), { { url = NOWHERE, sha256 = HASH } }, { "liar" }, true)
        end),
        "\n"
      )
      check.contains(shown, "error: one source is missing\n")
      check.contains(shown, HASH)
      check.contains(shown, digest.sha256 "other")
    end,
  },
  {
    "the cache is asked first, and nothing else is then needed",
    function()
      local where = space()
      local alternatives = { { url = NOWHERE, sha256 = HASH } }
      get(where, alternatives, { "mirror1" }, true)
      check.truthy(get(where, alternatives, {}, true))
      check.truthy(get(where, alternatives, {}, false))
    end,
  },
  {
    "a damaged file of the cache is fetched again",
    function()
      local where = space()
      local alternatives = { { url = NOWHERE, sha256 = HASH } }
      local path = where:at("sources", get(where, alternatives, { "mirror1" }, true).file)
      fs.write(path, "damaged")
      check.equal(
        lines(function()
          get(where, alternatives, {}, true)
        end)[1],
        "error: one source is missing"
      )
      check.equal(fs.stat(path), nil)
      fs.write(path, "damaged")
      check.truthy(get(where, alternatives, { "mirror1" }, true))
      check.equal(fs.read(path), CONTENT)
    end,
  },
  {
    "of alternatives, the first that can be had; and what the lock has, stays",
    function()
      local other = digest.sha256 "other"
      scratch.write("both/b.tar", "other")
      local alternatives = { { url = NOWHERE, sha256 = HASH }, { url = "http://127.0.0.1:1/b.tar", sha256 = other } }
      local where = space()
      check.equal(get(where, alternatives, { "both" }, true).sha256, other)
      -- The first is there now too, but what was used before is used again, so that keys stay.
      scratch.write(where:at("sources", source.file_name(HASH, "app-1.tar")), CONTENT)
      where:write_json("lock.json", { sources = { ["app-1:main"] = { sha256 = other, file = "app-1.tar" } } })
      check.equal(get(where, alternatives, {}, true).sha256, other)
      where:write_json("lock.json", {})
      check.equal(get(where, alternatives, {}, true).sha256, HASH)
    end,
  },
  {
    "offline with missing files: all of them, with digests and addresses",
    function()
      local where = space()
      local other = digest.sha256 "x"
      local two = plan({
        { url = NOWHERE, sha256 = HASH },
        { debian = "app_1.orig.tar.xz", sha256 = other },
        { url = "https://home/app" },
      }, {
        {
          name = "lib",
          version = "2",
          sources = { extra = { { url = "https://a/{name}-{version}.tgz", sha256 = other } } },
        },
      })
      check.equal(
        lines(function()
          source.get(where, two, { mirrors = {}, offline = true })
        end),
        {
          "error: 2 sources are missing",
          "  app 1",
          ("    sha256 %s  http://127.0.0.1:1/app-1.tar"):format(HASH),
          ("    sha256 %s  Debian's source archive: app_1.orig.tar.xz"):format(other),
          "    not pinned, so never used: https://home/app",
          "  lib 2",
          ("    sha256 %s  https://a/lib-2.tgz"):format(other),
          "hint: run it again without `--offline`, or name a folder that has them by `--mirror DIR`",
        }
      )
    end,
  },
  {
    "when only some are missing, the hint names their packages, each once",
    function()
      local function hint(offline)
        local two = plan({ { url = NOWHERE, sha256 = HASH } }, {
          { name = "tls", version = "1", sources = { main = { { url = NOWHERE, sha256 = digest.sha256 "x" } } } },
          {
            name = "lib",
            version = "2",
            sources = {
              docs = { { url = NOWHERE, sha256 = digest.sha256 "y" } },
              main = { { url = NOWHERE, sha256 = digest.sha256 "z" } },
            },
          },
        })
        local shown = lines(function()
          source.get(space(), two, { mirrors = { "mirror1" }, offline = offline })
        end)
        check.equal(shown[1], "error: 3 sources are missing")
        return shown[#shown]
      end
      check.equal(
        hint(false),
        "hint: name a folder or address that has them by `--mirror`, or leave the packages out: `--without tls,lib`"
      )
      check.equal(
        hint(true),
        "hint: run it again without `--offline`, or name a folder that has them by `--mirror DIR`, or leave the packages out: `--without tls,lib`"
      )
    end,
  },
  {
    "a source that nobody pinned is never fetched",
    function()
      local shown = lines(function()
        get(space(), { { url = NOWHERE } }, { "mirror1" }, false)
      end)
      check.equal(shown, {
        "error: one source is missing",
        "  app 1",
        "    not pinned, so never used: http://127.0.0.1:1/app-1.tar",
        "hint: pin it: `bq scripts/hash_sources.lua --write app`",
      })
    end,
  },
  {
    "several sources of a step, the same one in two phases, and steps without any",
    function()
      scratch.write("many/a.tar", "a")
      scratch.write("many/b.tar", "b")
      local where = space()
      local step = {
        name = "app",
        version = "1",
        sources = {
          main = { { url = "https://x/a.tar", sha256 = digest.sha256 "a" } },
          extra = { { url = "https://x/b.tar", sha256 = digest.sha256 "b" } },
        },
      }
      local locked = source.get(
        where,
        { steps = { step, step, { name = "none", version = "1", sources = {} } } },
        { mirrors = { "many" }, offline = true }
      )
      check.equal(
        { locked["app-1:main"].sha256, locked["app-1:extra"].sha256 },
        { digest.sha256 "a", digest.sha256 "b" }
      )
      check.equal(#source.wanted { steps = { step, step } }, 2)
    end,
  },
  {
    "a phase with a source of its own gets that, at the same version",
    function()
      local recipes = scratch.recipes("owned", {
        a = scratch.recipe(
          "a",
          ([[source = { { url = "https://x/one-1", sha256 = "%s" } },
          phases = { two = { source = { { url = "https://x/two-1", sha256 = "%s" } } } }]]):format(
            digest.sha256 "a",
            digest.sha256 "b"
          )
        ),
      })
      local phases = {}
      for index, name in ipairs { "one", "two", "three" } do
        phases[index] = { name = name, base = { "seed" }, prefix = "/usr", env = {}, packages = { core = { "a" } } }
      end
      local made = plan_module.make(scratch.declaration(nil, phases), scratch.selection(), recipes)
      scratch.write("owned/one-1", "a")
      scratch.write("owned/two-1", "b")
      local locked = source.get(space(), made, { mirrors = { "owned" }, offline = true })
      local got = {}
      for index, step in ipairs(made.steps) do
        got[index] = locked[identity.id(step, "main")].sha256
      end
      check.equal(got, { digest.sha256 "a", digest.sha256 "b", digest.sha256 "a" })
    end,
  },
  {
    "a size that is not right is refused",
    function()
      local shown = table.concat(
        lines(function()
          get(space(), { { url = NOWHERE, sha256 = HASH, size = 3 } }, { "mirror1" }, true)
        end),
        "\n"
      )
      check.contains(shown, "error: one source is missing")
    end,
  },
  {
    "a file of Debian's archive comes from the first mirror that has it",
    function()
      local mirrors = debian_archive.mirrors
      for _, name in ipairs { "one", "two" } do
        fs.mkdir("debian/" .. name)
      end
      scratch.write("debian/two/pool/main/liba/libapp/libapp_1.orig.tar.xz", CONTENT)
      debian_archive.mirrors = function()
        return { fs.cwd() .. "/debian/one", fs.cwd() .. "/debian/two" }
      end
      local place = { debian = "libapp_1.orig.tar.xz", sha256 = HASH }
      local got = source.get(space(), plan { place }, { mirrors = {} })
      check.equal(got["app-1:main"].sha256, HASH)
      fs.remove "debian/two/pool/main/liba/libapp/libapp_1.orig.tar.xz"
      local shown = table.concat(
        lines(function()
          source.get(space(), plan { place }, { mirrors = {} })
        end),
        "\n"
      )
      check.contains(shown, "/debian/one/pool/main/liba/libapp/libapp_1.orig.tar.xz: ")
      check.contains(shown, "/debian/two/pool/main/liba/libapp/libapp_1.orig.tar.xz: ")
      debian_archive.mirrors = mirrors
    end,
  },
  {
    "how a source is unpacked goes into its identity, and only that",
    function()
      local function of(alternatives)
        local step = plan(alternatives).steps[1]
        return identity.of(step, "main", { sha256 = HASH, file = "f" }),
          identity.unpacking(step, "main", { sha256 = HASH, file = "f" })
      end
      local other =
        { url = "http://x/other.tar", sha256 = digest.sha256 "other", strip = 5, exclude = { "all" }, unpack = false }
      check.equal(of { { url = NOWHERE, sha256 = HASH } }, HASH)
      check.equal(of { other, { url = NOWHERE, sha256 = HASH, unpack = true } }, HASH)
      check.equal(
        of { other, { url = NOWHERE, sha256 = HASH }, { url = "http://y/b", sha256 = HASH, strip = 2 } },
        HASH .. "2"
      )
      check.equal(of { { url = NOWHERE, sha256 = HASH, exclude = { "a", "b" } } }, HASH .. ' without ["a","b"]')
      local as, how = of { { url = NOWHERE, sha256 = HASH, unpack = false } }
      check.equal(as, HASH .. " as app-1.tar")
      check.equal(how, { name = "app-1.tar", unpack = false })
    end,
  },
}
