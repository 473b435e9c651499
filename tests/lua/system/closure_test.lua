local check = require "check"
local closure = require "bq.system.closure"
local fail = require "bq.fail"
local files = require "bq.files"
local fs = require "bq.fs"
local scratch = require "scratch"

local count = 0

--- A build whose steps have these outputs: by the name of a package, path = text or `{ target }`. `more`: fields of the steps.
local function build(outputs, more, selection)
  count = count + 1
  local top = ("%s/space%d"):format(fs.cwd(), count)
  local made = {
    arch = "x86_64",
    set = "core",
    steps = {},
    root = { phases = { "low", "high" }, packages = { "base" }, leave_out = {} },
    selection = { only = {}, with = {}, without = {} },
  }
  local one = { plan = made, keys = {}, outputs = {}, states = {}, by_id = {} }
  one.workspace = {
    at = function(_, ...)
      return table.concat({ top, ... }, "/")
    end,
  }
  function one.require_done() end
  function one.require_sound() end
  for name, content in pairs(outputs) do
    local phase = name:match "@(.*)$" or "high"
    local package = name:match "^[^@]*"
    local step = { id = phase .. "/" .. package, name = package, version = "1", phase = phase, depends = {} }
    for field, value in pairs(more and more[package] or {}) do
      step[field] = value
    end
    made.steps[#made.steps + 1], one.by_id[step.id] = step, step
    one.keys[step.id], one.states[step.id] = name, "done"
    local folder = ("%s/store/%s/output"):format(top, name)
    fs.mkdir(folder)
    for path, text in pairs(content) do
      fs.mkdir(files.parent(folder .. "/" .. path))
      if type(text) == "table" then
        fs.symlink(text[1], folder .. "/" .. path)
      else
        fs.write(folder .. "/" .. path, text, { mode = files.mode "0755", sync = false })
      end
    end
  end
  table.sort(made.steps, function(a, b)
    return a.id < b.id
  end)
  for field, value in pairs(selection or {}) do
    made[field] = value
  end
  return one
end

local function names(found)
  local out = {}
  for index, step in ipairs(found.steps) do
    out[index] = step.id
  end
  return out
end

local BASE <const> = {
  ["bin"] = { "usr/bin" },
  ["lib"] = { "usr/lib" },
  ["usr/bin/sh"] = { "box" },
  ["usr/bin/box"] = scratch.elf {},
  ["usr/lib/ld.so.1"] = { "libc.so" },
  ["usr/lib/libc.so"] = scratch.elf {},
}

local function asked(...)
  return { system = { name = "mine", packages = { ... }, parts = { "run" } } }
end

check.run {
  {
    "libraries, loaders and interpreters come along, whatever their package is called",
    function()
      local found = closure.of(build({
        ["base@low"] = BASE,
        curl = {
          ["usr/bin/curl"] = scratch.elf { needed = { "libz.so.1", "libc.so" }, interpreter = "/lib/ld.so.1" },
          ["usr/bin/check"] = "#!/usr/bin/env -S perl -w\n",
          ["usr/bin/own"] = "#! /bin/sh\n",
        },
        compression = {
          ["usr/lib/libz.so.1.3"] = scratch.elf { soname = "libz.so.1", needed = { "libm.so.6" } },
          ["usr/lib/libz.so.1"] = { "libz.so.1.3" },
        },
        maths = { ["usr/lib/libm.so.6"] = scratch.elf {} },
        perl = { ["usr/bin/perl"] = scratch.elf {} },
        unused = { ["usr/bin/unused"] = scratch.elf { needed = { "nowhere.so" } } },
      }, nil, asked "curl"))
      check.equal(names(found), { "low/base", "high/compression", "high/curl", "high/maths", "high/perl" })
      check.equal(found.why["high/curl"], { { by = "the system `mine`", what = "it was asked for" } })
      check.equal(found.why["high/compression"], { { by = "curl", what = "/usr/bin/curl needs libz.so.1" } })
      check.equal(found.why["high/maths"], { { by = "compression", what = "/usr/lib/libz.so.1.3 needs libm.so.6" } })
      check.equal(found.why["high/perl"], { { by = "curl", what = "/usr/bin/check needs perl" } })
    end,
  },
  {
    "what is opened by its name comes along if the recipe says so",
    function()
      local outputs = { ["base@low"] = BASE, app = { ["usr/bin/app"] = "" }, plugin = { ["usr/lib/p.so"] = "" } }
      check.equal(names(closure.of(build(outputs, nil, asked "app"))), { "low/base", "high/app" })
      local found = closure.of(build(outputs, { app = { runs_with = { "plugin" } } }, asked "app"))
      check.equal(names(found), { "low/base", "high/app", "high/plugin" })
    end,
  },
  {
    "a library in a folder of its own is found where the file says",
    function()
      local outputs = {
        ["base@low"] = BASE,
        app = { ["usr/bin/app"] = scratch.elf { needed = { "libx.so" }, paths = "$ORIGIN/../lib/x" } },
        x = { ["usr/lib/x/libx.so"] = scratch.elf {} },
      }
      check.equal(names(closure.of(build(outputs, nil, asked "app"))), { "low/base", "high/app", "high/x" })
      outputs.app = { ["usr/bin/app"] = scratch.elf { needed = { "libx.so" } } }
      check.raises(function()
        closure.of(build(outputs, nil, asked "app"))
      end, "  /usr/bin/app (app) needs `libx.so`")
    end,
  },
  {
    "all that nobody has is named, with file and package",
    function()
      local err = check.raises(function()
        closure.of(build({
          ["base@low"] = BASE,
          a = { ["usr/bin/a"] = scratch.elf { needed = { "libq.so.1" }, interpreter = "/lib64/ld-linux.so.2" } },
          b = { ["usr/lib/b.so"] = scratch.elf { needed = { "libr.so" } } },
        }, nil, asked("a", "b")))
      end)
      check.equal(fail.lines(err), {
        "error: 3 things that programs of the root need are in no package",
        "  /usr/bin/a (a) needs `libq.so.1`",
        "  /usr/bin/a (a) needs `/lib64/ld-linux.so.2`",
        "  /usr/lib/b.so (b) needs `libr.so`",
        "hint: let the recipe of the package `depends` on the package that has it",
      })
    end,
  },
  {
    "files of another machine, and those of parts that are not taken, need nothing",
    function()
      local found = closure.of(build({
        ["base@low"] = BASE,
        a = {
          ["usr/bin/firmware"] = scratch.elf { machine = 183, needed = { "no.so" } },
          ["usr/bin/a-config"] = "#!/usr/bin/perl\n",
        },
        perl = { ["usr/bin/perl"] = scratch.elf {} },
      }, nil, asked "a"))
      check.equal(names(found), { "low/base", "high/a" })
    end,
  },
  {
    "the root begins with what was asked for: a system, `--with`, or else the set",
    function()
      local outputs = { ["base@low"] = BASE, a = {}, b = {} }
      check.equal(names(closure.of(build(outputs, nil, asked "b"))), { "low/base", "high/b" })
      local with = { selection = { only = {}, with = { "a@high", "gone@host" }, without = {} } }
      check.equal(names(closure.of(build(outputs, nil, with))), { "low/base", "high/a" })
      check.equal(names(closure.of(build(outputs))), { "low/base", "high/a", "high/b" })
    end,
  },
  {
    "of two packages of a name, the one of the later phase",
    function()
      local found = closure.of(build({ ["base@low"] = BASE, ["a@low"] = {}, ["a@high"] = {} }, nil, asked "a"))
      check.equal(names(found), { "low/base", "high/a" })
    end,
  },
}
