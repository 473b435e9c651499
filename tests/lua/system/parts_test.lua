local check = require "check"
local fs = require "bq.fs"
local parts = require "bq.system.parts"
local scratch = require "scratch"
local tables = require "bq.tables"

local function tree(name, files, links)
  for _, path in ipairs(files) do
    if path:find "/$" then
      fs.mkdir(name .. "/" .. path)
    else
      scratch.write(name .. "/" .. path, "x")
    end
  end
  for path, target in pairs(links or {}) do
    fs.mkdir((name .. "/" .. path):match "^(.*)/")
    fs.symlink(target, name .. "/" .. path)
  end
  return name
end

check.run {
  {
    "paths say to which part they belong",
    function()
      local part_of = parts.of(tree("empty", { "x/" }))
      for part, paths in pairs {
        run = { "usr/bin/a", "usr/lib/liba.so.1", "usr/lib/libc.so", "etc/a", "usr/share/a/b", "usr/libexec/a/include" },
        dev = {
          "usr/include",
          "usr/include/a/b.h",
          "usr/lib/liba.a",
          "usr/lib/crt1.o",
          "usr/lib/pkgconfig/a.pc",
          "usr/lib/cmake/a/a.cmake",
          "usr/share/aclocal/a.m4",
          "usr/bin/a-config",
          "usr/lib/clang/include/b.h",
        },
        doc = { "usr/share/doc/a", "usr/share/man/man1/a.1", "usr/share/info/a.info" },
      } do
        for _, path in ipairs(paths) do
          check.equal({ path, part_of(path) }, { path, part })
        end
      end
    end,
  },
  {
    "a recipe says otherwise",
    function()
      local part_of = parts.of("empty", { run = { "/usr/share/doc/a" }, dev = { "/usr/bin/gen" } })
      check.equal(part_of "usr/share/doc/a/needed", "run")
      check.equal(part_of "usr/share/doc/b", "doc")
      check.equal(part_of "usr/bin/gen", "dev")
      local out = {}
      parts.check({ runn = { "/a" }, dev = { "a" }, doc = 1 }, function(at, message)
        out[#out + 1] = at .. " " .. message
      end)
      check.equal(out, {
        "parts.runn is no field, did you mean `run`?",
        "parts.dev[1] is `a`, which is not an absolute path",
        "parts.doc is a number, expected a list of paths",
      })
    end,
  },
  {
    "what is left out: with the folders of which nothing is left, and without those that were empty",
    function()
      local top = tree("output", {
        "usr/bin/a",
        "usr/bin/a-config",
        "usr/include/a/b.h",
        "usr/share/man/man1/a.1",
        "usr/share/doc/a/readme",
        "usr/lib/only/liba.a",
        "usr/lib/liba.a",
        "var/lib/a/",
      })
      check.equal(tables.names(parts.left_out(top, { "run" })), {
        "usr/bin/a-config",
        "usr/include",
        "usr/include/a",
        "usr/include/a/b.h",
        "usr/lib/liba.a",
        "usr/share",
        "usr/share/doc",
        "usr/share/doc/a",
        "usr/share/doc/a/readme",
        "usr/share/man",
        "usr/share/man/man1",
        "usr/share/man/man1/a.1",
      })
      check.equal(tables.names(parts.left_out(top, { "run", "dev", "doc" })), {})
      check.truthy(not parts.left_out(top, { "run", "dev" })["usr/include/a/b.h"])
    end,
  },
}
