local beside = require "bq.plan.beside"
local check = require "check"
local fail = require "bq.fail"
local fs = require "bq.fs"
local recipe = require "bq.plan.recipe"
local scratch = require "scratch"

local count = 0

--- The lines that are shown for one recipe, without the folder.
local function problems(text, name)
  count = count + 1
  local folder = "case" .. count
  local recipes = scratch.recipes(folder, { [name or "one"] = text })
  local found = recipes:get(name or "one")
  if found then
    recipes:lint(found)
  end
  local ok, err = pcall(recipes.check, recipes)
  if ok then
    return {}
  end
  check.truthy(fail.is_expected(err))
  local lines = fail.lines(err)
  for index, line in ipairs(lines) do
    lines[index] = line:gsub(folder .. "/", "", 1)
  end
  return lines
end

local function one(text, problem)
  check.equal(problems(text), { "error: the plan has a mistake", "  " .. problem })
end

local HASH <const> = ("0123456789abcdef"):rep(4)

check.run {
  {
    "a good recipe",
    function()
      check.equal(problems(scratch.recipe "one"), {})
      check.equal(
        problems(
          scratch.recipe(
            "one",
            ('source = { { url = "https://a/{version}", sha256 = "%s", pinned = "1" }, { debian = "a_1.tar" } }'):format(
              HASH
            )
          )
        ),
        {}
      )
      check.equal(
        problems(scratch.recipe("one", "install = function(b) b:mkdir(b.dest) end, build = function() end")),
        {}
      )
      check.equal(
        problems(scratch.recipe("one", 'phases = { system = { env = { A = 1, B = true }, files = { ["/a"] = "x" } } }')),
        {}
      )
    end,
  },
  {
    "an unknown field, with the nearest, on its line",
    function()
      one(scratch.recipe("one", 'depnds = { "zlib" }'), "one.lua:6: unknown field `depnds`, did you mean `depends`?")
      one(scratch.recipe("one", "quux = 1"), "one.lua:6: unknown field `quux`")
      -- A strategy's own fields are known with that strategy only.
      one(scratch.recipe("one", 'targets = { "all" }'), "one.lua:6: unknown field `targets`")
      one(
        scratch.recipe("one", "phases = { system = {\n    flies = {} } }"),
        "one.lua:7: unknown field `flies`, did you mean `files`?"
      )
    end,
  },
  {
    "a wrong type",
    function()
      one(scratch.recipe("one", 'depends = "zlib"'), "one.lua:6: `depends` is string, expected a list of texts")
      one(scratch.recipe("one", "depends = { 1 }"), "one.lua:6: `depends` is table, expected a list of texts")
      one(scratch.recipe("one", 'strip = "no"'), "one.lua:6: `strip` is string, expected true or false")
      one(
        scratch.recipe("one", "env = { A = {} }"),
        "one.lua:6: `env` is table, expected a map of names to texts, numbers or true/false"
      )
      one(scratch.recipe("one", 'homepage = ""'), "one.lua:6: `homepage` is string, expected a text that is not empty")
      one(
        scratch.recipe("one", "include = function() end"),
        "one.lua:6: `include` is function, expected a list of texts"
      )
    end,
  },
  {
    "phases and sources of a wrong type are mistakes, not bugs",
    function()
      for _, field in ipairs { "phases", "source", "sources" } do
        one(scratch.recipe("one", field .. " = true"), ("one.lua:6: `%s` is boolean, expected a table"):format(field))
      end
      one(
        scratch.recipe("one", "phases = { system = 1 }"),
        "one.lua:6: `phases` has `system`, which is number, expected a table"
      )
      one(
        scratch.recipe("one", "sources = { extra = 1 }"),
        "one.lua:6: `sources` has `extra`, which is number, expected a list of places"
      )
    end,
  },
  {
    "sources without a digest, with a bad one, without a place",
    function()
      local function source(text)
        return scratch.recipe("one", "source = " .. text)
      end
      local unpinned =
        "one.lua:6: no source of `one` has a `sha256`; fetch and pin one: `bq scripts/hash_sources.lua --write one`"
      one(source '{ { url = "https://a" } }', unpinned)
      one(source '{ { url = "https://a", sha256 = "12" } }', "one.lua:6: `sha256` is not 64 hexadecimal digits")
      one(
        source(('{ { url = "https://a", sha256 = "%s" } }'):format(("x"):rep(64))),
        "one.lua:6: `sha256` is not 64 hexadecimal digits"
      )
      one(source(('{ { sha256 = "%s" } }'):format(HASH)), "one.lua:6: a source has either `url` or `debian`")
      one(
        source(('{ { url = "a", debian = "b", sha256 = "%s" } }'):format(HASH)),
        "one.lua:6: a source has either `url` or `debian`"
      )
      one(
        source(('{ { url = "a-1", sha256 = "%s", mirror = "b" } }'):format(HASH)),
        "one.lua:6: a source has no field `mirror`"
      )
      one(source '{ "https://a" }', "one.lua:6: `source` is not a list of tables, each with `url` or `debian`")
      one(source "{}", "one.lua:6: `source` lists no place to get it from")
      one(scratch.recipe("one", 'sources = { extra = { { url = "a" } } }'), unpinned)
    end,
  },
  {
    "a digest belongs to a version",
    function()
      local pin = "fetch and pin it: `bq scripts/hash_sources.lua --write one`"
      local rename = "name the file of this version, or say `pinned`"
      --- A recipe of version 1.3.1 with one place.
      local function place(text, more)
        local source = ('source = { { %s, sha256 = "%s" } }%s'):format(text, HASH, more or "")
        return (scratch.recipe("one", source):gsub('"1"', '"1.3.1"', 1))
      end
      for _, good in ipairs {
        'url = "https://a/a-{version}.tar", pinned = "1.3.1"',
        'url = "https://a/a-1.3.1.tar"',
        'url = "https://a/v1.3.1/a"',
        'debian = "a_1.3.1.orig.tar.xz"',
        'debian = "a_1.3+dfsg+really1.3.1.orig.tar.xz"',
        'url = "https://a/a-131.zip", pinned = "1.3.1"',
        'url = "https://a/roots.pem", pinned = false',
      } do
        check.equal(problems(place(good)), {}, good)
      end
      one(
        place 'url = "https://a/a-{version}.tar", pinned = "1.3"',
        "one.lua:6: `https://a/a-{version}.tar`: its digest is of version `1.3`, and `version` is `1.3.1`; " .. pin
      )
      one(
        place 'url = "https://a/a-{version}.tar"',
        "one.lua:6: `https://a/a-{version}.tar`: it does not say which version its digest is of; " .. pin
      )
      one(
        place 'url = "https://a/a-{version}.tar", pinned = "{version}"',
        "one.lua:6: `https://a/a-{version}.tar`: its digest is of version `{version}`, and `version` is `1.3.1`; "
          .. pin
      )
      for _, other in ipairs {
        "a_1.3.orig.tar.xz",
        "a_1.3.10.orig.tar.xz",
        "a_1.3.1.2.orig.tar.xz",
        "a_11.3.1.orig.tar.xz",
        "a_2.1.3.1.orig.tar.xz",
      } do
        one(
          place(('debian = "%s"'):format(other)),
          ("one.lua:6: `%s`: it does not name version `1.3.1`; %s"):format(other, rename)
        )
      end
      one(
        place 'url = "https://a/a-1.3.1.tar", pinned = 1',
        "one.lua:6: `pinned` of a source is number, expected the version that the digest is of, or `false` for a file that is the same for all versions"
      )
      -- A phase's own version or source is checked as well.
      one(
        place('url = "https://a/a-{version}.tar", pinned = "1.3.1"', ',\n  phases = { x = { version = "2" } }'),
        "one.lua:6: `https://a/a-{version}.tar`: its digest is of version `1.3.1`, and `version` is `2`; " .. pin
      )
      one(
        place(
          'url = "https://a/1.3.1"',
          (',\n  phases = { x = { source = { { url = "https://b/{version}", sha256 = "%s" } } } }'):format(
            HASH:reverse()
          )
        ),
        "one.lua:7: `https://b/{version}`: it does not say which version its digest is of; " .. pin
      )
      one(
        place('url = "https://a/1.3.1"', ",\n  phases = { x = { sources = { extra = {} } } }"),
        "one.lua:7: `sources` lists no place to get it from"
      )
    end,
  },
  {
    "the file's name is the recipe's name",
    function()
      one(scratch.recipe "other", "one.lua:2: `name` is `other`, but the file is `one.lua`")
    end,
  },
  {
    "what is missing",
    function()
      check.equal(problems "return { name = 'one' }", {
        "error: the plan has 3 mistakes",
        "  one.lua:1: `license` is missing",
        "  one.lua:1: `strategy` is missing",
        "  one.lua:1: `version` is missing",
      })
    end,
  },
  {
    "an unknown strategy, with the nearest",
    function()
      local text = scratch.recipe("one"):gsub("files", "autotool")
      one(text, "one.lua:5: no strategy `autotool`, did you mean `autotools`?")
      text = scratch.recipe("one", 'make = { "A=1" }'):gsub("files", "nonsense")
      -- `make` may be a field of what was meant, so it is not a mistake of its own.
      local said = problems(text)
      check.equal(#said, 2)
      check.contains(said[2], "one.lua:5: no strategy `nonsense`; there are autotools, busybox, cmake, ")
    end,
  },
  {
    "a syntax error, with file and line",
    function()
      one('return {\n  name = "one",\n  version 1\n}\n', "one.lua:3: '}' expected (to close '{' at line 1) near '1'")
    end,
  },
  {
    "a chunk that raises, and one that returns no table",
    function()
      one("\nerror 'no'", "one.lua:2: no")
      one("error('no', 0)", "one.lua:1: no")
      one("return 1", "one.lua:1: a recipe returns a table")
      one("", "one.lua:1: a recipe returns a table")
    end,
  },
  {
    "a recipe that sets or reads a global",
    function()
      one("\ncommon = 1\nreturn {}", "one.lua:2: `common` is set as a global; write `local common`")
      one("return {\n  name = undefined }", "one.lua:2: the global `undefined` was never set")
      check.equal(rawget(_G, "common"), nil)
    end,
  },
  {
    "all mistakes of all recipes at once, sorted, each once",
    function()
      local recipes = scratch.recipes("many", {
        a = scratch.recipe("a", "depnds = {}, lisense = 1"),
        b = scratch.recipe "x",
        c = "return {",
      })
      for _ = 1, 2 do
        for _, name in ipairs(recipes:names()) do
          local found = recipes:get(name)
          if found then
            recipes:lint(found)
          end
        end
      end
      local lines = fail.lines(check.raises(function()
        recipes:check()
      end))
      check.equal(lines[1], "error: the plan has 4 mistakes")
      check.equal(#lines, 5)
      check.contains(lines[2], "many/a.lua:6: unknown field `depnds`")
      check.contains(lines[3], "many/a.lua:6: unknown field `lisense`, did you mean `license`?")
      check.contains(lines[4], "many/b.lua:2: `name` is `x`")
      check.contains(lines[5], "many/c.lua:1: ")
    end,
  },
  {
    "the first folder that has a recipe wins",
    function()
      scratch.recipes("first", { a = scratch.recipe "a" })
      scratch.recipes("second", { a = "return {", b = scratch.recipe "b" })
      local recipes = recipe.collection { "first", "absent", "second" }
      check.equal(recipes:names(), { "a", "b" })
      check.equal(recipes:get("a").path, "first/a.lua")
      check.equal(recipes:get("b").path, "second/b.lua")
      check.equal(recipes:get "c", nil)
      recipes:check()
    end,
  },
  {
    "a phase's changes lie over the recipe, verbs apart",
    function()
      local recipes = scratch.recipes("phases", {
        a = scratch.recipe(
          "a",
          'env = { A = 1 }, install = function() end, phases = { system = { version = "2", env = { B = 2 }, build = function() end } }'
        ),
      })
      local found = recipes:get "a"
      local fields, verbs = recipes:resolve(found, "system")
      check.equal({ fields.version, fields.env, verbs }, { "2", { B = 2 }, { "build", "install" } })
      fields, verbs = recipes:resolve(found, "sysroot")
      check.equal({ fields.version, fields.env, verbs }, { "1", { A = 1 }, { "install" } })
      check.equal(fields.phases, nil)
    end,
  },
  {
    "patches, in order, and the fingerprint of all",
    function()
      local recipes = scratch.recipes("patched", { a = scratch.recipe "a" })
      local before = beside.fingerprint(recipes.folders, "a")
      check.equal(#beside.patches(recipes:get "a", "1"), 0)
      scratch.write("patched/patches/a-1/0002-b.patch", "b")
      scratch.write("patched/patches/a-1/0001-a.patch", "a")
      scratch.write("patched/patches/a-1/notes.txt", "n")
      local patches = beside.patches(recipes:get "a", "1")
      check.equal({ #patches, patches[1].name, patches[2].hex }, { 2, "0001-a.patch", "62" })
      local after = beside.fingerprint(recipes.folders, "a")
      check.truthy(before ~= after)
      fs.write("patched/patches/a-1/0001-a.patch", "c")
      check.truthy(beside.fingerprint(recipes.folders, "a") ~= after)
      check.equal(beside.fingerprint(recipes.folders, "zzz"), nil)
    end,
  },
  {
    "files beside a recipe: their texts, per architecture, and what is missing",
    function()
      local recipes = scratch.recipes("beside", { a = scratch.recipe "a" })
      scratch.write("beside/a/all.config", "A=1\n")
      scratch.write("beside/a/x86_64.config", "B=2\n")
      local kinds = { fragments = "texts", other = "strings" }
      local fields = { fragments = { "all.config", "{arch}.config" }, other = { "all.config" } }
      recipes:add_texts(recipes:get "a", fields, kinds, { arch = "x86_64" })
      check.equal(
        fields.fragments,
        { { name = "all.config", text = "A=1\n" }, { name = "x86_64.config", text = "B=2\n" } }
      )
      check.equal(fields.other, { "all.config" })
      recipes:check()
      local before = beside.fingerprint(recipes.folders, "a")
      scratch.write("beside/a/x86_64.config", "B=3\n")
      check.truthy(beside.fingerprint(recipes.folders, "a") ~= before)
      recipes:add_texts(recipes:get "a", { fragments = { "{arch}.config" } }, kinds, { arch = "aarch64" })
      check.contains(
        check.raises(function()
          recipes:check()
        end),
        "`fragments`: there is no file `a/aarch64.config` beside the recipe"
      )
      -- In a folder below, too.
      before = beside.fingerprint(recipes.folders, "a")
      scratch.write("beside/a/more/deep/x", "1")
      local with = beside.fingerprint(recipes.folders, "a")
      scratch.write("beside/a/more/deep/x", "2")
      check.truthy(before ~= with and beside.fingerprint(recipes.folders, "a") ~= with)
    end,
  },
  {
    "no file but those beside a recipe can be named",
    function()
      scratch.write("outside/b.config", "secret\n")
      scratch.recipes("outside", { a = scratch.recipe "a" })
      scratch.write("outside/a/real/x", "x\n")
      fs.symlink("../b.config", "outside/a/link")
      fs.symlink("/etc", "outside/a/folder")
      fs.symlink("real/x", "outside/a/good")
      fs.symlink("/dev/zero", "outside/a/zero")
      scratch.write("outside/a/latin1", "\xff")
      local function said(name)
        local recipes = recipe.collection { "outside" }
        local fields = { fragments = { name } }
        recipes:add_texts(recipes:get "a", fields, { fragments = "texts" }, {})
        return recipes.problems[1] and recipes.problems[1].message or fields.fragments[1].text
      end
      check.equal(said "good", "x\n")
      check.equal(said "real/x", "x\n")
      for _, name in ipairs { "../b.config", "real/../../b.config", "/etc/passwd", ".." } do
        check.equal(said(name), ("`fragments`: `%s` leads out of the folder beside the recipe"):format(name))
      end
      check.equal(said "link", "`fragments`: `a/link` beside the recipe is a link that leads out of its folder")
      check.equal(
        said "folder/passwd",
        "`fragments`: `a/folder/passwd` beside the recipe is a link that leads out of its folder"
      )
      check.equal(said "zero", "`fragments`: there is no file `a/zero` beside the recipe")
      check.equal(said "latin1", "`fragments`: `a/latin1` beside the recipe is not UTF-8")
    end,
  },
  {
    "a licence is an expression of SPDX",
    function()
      local function license(text)
        return (scratch.recipe("one"):gsub('"MIT"', ("%q"):format(text)))
      end
      one(
        license "Custom: see COPYING",
        "one.lua:4: `license` is no expression of SPDX: `Custom:` is no licence of SPDX; one that SPDX does not know is `LicenseRef-NAME`"
      )
      check.equal(problems(license "LicenseRef-Custom"), {})
    end,
  },
  {
    "a name in braces that stands for nothing",
    function()
      local advice =
        "stands for nothing; did you mean `{version}`? `{{verzion}}` is how the text `{verzion}` is written"
      one(scratch.recipe("one", 'files = {\n    ["/a"] = "{verzion}" }'), "one.lua:7: `files`: `{verzion}` " .. advice)
      one(scratch.recipe("one", 'env = { A = "x{verzion}" }'), "one.lua:6: `env`: `{verzion}` " .. advice)
      one(scratch.recipe("one", 'homepage = "https://{verzion}"'), "one.lua:6: `homepage`: `{verzion}` " .. advice)
      one(
        scratch.recipe("one", 'phases = { x = { links = { ["/a"] = "{verzion}" } } }'),
        "one.lua:6: `links`: `{verzion}` " .. advice
      )
      one(
        scratch.recipe("one", ('source = { { url = "https://a/{verzion}-1", sha256 = "%s" } }'):format(HASH)),
        "one.lua:6: `url`: `{verzion}` " .. advice
      )
      -- Only what is known there: a place is the same in every phase, and the plan knows no folder of a step.
      one(
        scratch.recipe("one", ('source = { { url = "https://a/{arch}-1", sha256 = "%s" } }'):format(HASH)),
        "one.lua:6: `url`: `{arch}` stands for nothing; `{{arch}}` is how the text `{arch}` is written"
      )
      one(
        scratch.recipe("one", 'include = { "{src}/x" }'),
        "one.lua:6: `include`: `{src}` stands for nothing; `{{src}}` is how the text `{src}` is written"
      )
      check.equal(
        problems(scratch.recipe("one", 'env = { A = "{{verzion}} ${verzion} {cc} {}" }, include = { "{arch}/{name}" }')),
        {}
      )
    end,
  },
  {
    "a byte order mark, and a first line for a shell",
    function()
      for _, first in ipairs { "\xEF\xBB\xBF", "#!/usr/bin/env bq\n", "\xEF\xBB\xBF#!/usr/bin/env bq\n" } do
        check.equal(problems(first .. scratch.recipe "one"), {})
        one(
          first .. scratch.recipe("one", "quux = 1"),
          ("one.lua:%d: unknown field `quux`"):format(first:find "\n" and 7 or 6)
        )
      end
    end,
  },
  {
    "every bundled recipe is right",
    function()
      local recipes = recipe.collection { "$/scripts/packages" }
      local names = recipes:names()
      check.truthy(#names > 5, #names)
      for _, name in ipairs(names) do
        local found = recipes:get(name)
        if found then
          recipes:lint(found)
        end
      end
      recipes:check()
    end,
  },
}
