local archive = require "bq.archive"
local check = require "check"
local fs = require "bq.fs"
local scratch = require "scratch"
local union = require "bq.stage.union"

--- A part of files (their text), folders (`true`) and links (`{ target }`).
local function part(name, content, more)
  local one = { package = name .. " 1", path = fs.mkdtemp(fs.cwd() .. "/part-") }
  for path, what in pairs(content) do
    local at = one.path .. "/" .. path
    fs.mkdir((at:match "^(.*)/"))
    if what == true then
      fs.mkdir(at)
    elseif type(what) == "table" then
      fs.symlink(what[1], at)
    else
      fs.write(at, what)
    end
  end
  for field, value in pairs(more or {}) do
    one[field] = value
  end
  return one
end

local function whose(made, path)
  return made.entries[path] and made.entries[path].part.package
end

check.run {
  {
    "folders and files that are the same are shared",
    function()
      local made = union.of {
        part("a", { ["usr/bin/x"] = "x", ["usr/share/same"] = "1", l = { "to" } }),
        part("b", { ["usr/share/same"] = "1", l = { "to" } }),
      }
      check.equal(whose(made, "usr/share/same"), "a 1")
      check.equal(whose(made, "l"), "a 1")
      check.equal(made.count, 6)
      check.equal(made.bytes, 2)
      check.equal(made.attributes, {})
    end,
  },
  {
    "what differs is an error that names both, whatever it is that differs",
    function()
      local function differs(a, b, text, more_a, more_b)
        local found = union.conflicts { part("a", a, more_a), part("b", b, more_b) }
        check.equal(#found, 1)
        check.contains(found[1], text)
        check.contains(found[1], "`a 1`")
        check.contains(found[1], "`b 1`")
      end
      differs({ ["etc/x"] = "1" }, { ["etc/x"] = "2" }, "/etc/x: a file of `a 1` and of `b 1`: their content differs")
      differs({ x = { "1" } }, { x = { "2" } }, "/x: a link of `a 1` and of `b 1`: to `1` and to `2`")
      differs({ x = "1" }, { x = { "2" } }, "/x: a file of `a 1` and a link of `b 1`")
      differs({ bin = { "usr/bin" } }, { ["bin/tool"] = "" }, "/bin: a link of `a 1` and a folder of `b 1`")
      differs({ x = true }, { x = "" }, "/x: a folder of `a 1` and a file of `b 1`")
      local owned = { attributes = { x = { uid = 5 } } }
      differs({ x = "" }, { x = "" }, "owner 5:0 and 0:0", owned)
      differs(
        { x = true },
        { x = true },
        "mode 0755 and 2755",
        nil,
        { attributes = { x = { mode = tonumber("2755", 8) } } }
      )
      differs({ x = "" }, { x = "" }, "capabilities differ", { attributes = { x = { capabilities = "01" } } })
      -- The same by what is said, and not by what lies there.
      local a = part("a", { x = "" }, { attributes = { x = { mode = tonumber("640", 8) } } })
      local b = part("b", { x = "" })
      fs.chmod(b.path .. "/x", tonumber("640", 8))
      check.equal(union.conflicts { a, b }, {})
    end,
  },
  {
    "the error shows the paths, in their order, and how to mend it",
    function()
      local many = {}
      for number = 10, 40 do
        many["x" .. number] = "1"
      end
      local others = {}
      for name in pairs(many) do
        others[name] = "2"
      end
      local err = check.raises(function()
        union.of { part("a", many), part("b", others) }
      end, "31 paths are in two packages, which differ there")
      check.contains(err, "  /x10: a file")
      check.contains(err, "  /x29: a file")
      check.contains(err, "  and 11 more")
      check.contains(err, "yields = {")
      check.equal(tostring(err):find("/x30", 1, true), nil)
    end,
  },
  {
    "a path that yields gives way, in either order, a link to a file too",
    function()
      local function two(first, second)
        local made = union.of { first, second }
        check.equal(whose(made, "usr/bin/vi"), "vim 1")
        check.equal(whose(made, "usr/bin/sh"), "busybox 1")
        check.equal(made.entries["usr/bin/vi"].size, 3)
        -- What is packed and what is copied is the same.
        archive.pack {
          output = "root.tar",
          sources = made.sources,
          attributes = next(made.attributes) and made.attributes,
        }
        check.equal(archive.read("root.tar", "usr/bin/vi"), "vim")
        local copied = fs.mkdtemp(fs.cwd() .. "/root-")
        for _, one in ipairs { first, second } do
          fs.copy(one.path, copied, { merge = true, skip = made.skip[one] })
        end
        check.equal(fs.read(copied .. "/usr/bin/vi"), "vim")
        check.equal(fs.read(copied .. "/usr/bin/sh"), "sh")
      end
      local busybox = part(
        "busybox",
        { ["usr/bin/vi"] = { "busybox" }, ["usr/bin/sh"] = "sh" },
        { yields = { "/usr/bin/*" } }
      )
      local vim = part("vim", { ["usr/bin/vi"] = "vim" })
      two(busybox, vim)
      two(vim, busybox)
    end,
  },
  {
    "of two that yield the later one has the path; a folder and a file never share one",
    function()
      local toybox = part("toybox", { ["bin/ls"] = "toy" }, { yields = { "/bin" } })
      local busybox = part("busybox", { ["bin/ls"] = "busy" }, { yields = true })
      check.equal(whose(union.of { toybox, busybox }, "bin/ls"), "busybox 1")
      check.equal(whose(union.of { busybox, toybox }, "bin/ls"), "toybox 1")
      check.equal(#union.conflicts { busybox, part("a", { ["bin/ls/x"] = "" }) }, 1)
    end,
  },
  {
    "the mode of a folder that two have is that of the one that does not yield",
    function()
      local first = part("a", { tmp = true })
      fs.chmod(first.path .. "/tmp", tonumber("1777", 8))
      local second = part("b", { ["tmp/x"] = "" }, { yields = { "/tmp" } })
      local made = union.of { first, second }
      check.equal(whose(made, "tmp"), "a 1")
      check.equal(made.attributes, { tmp = { mode = tonumber("1777", 8) } })
      check.equal(made.skip[second], {})
    end,
  },
  {
    "what is left out, prefixes, and files that are a part by themselves",
    function()
      fs.write("one", "12345")
      local made = union.of {
        part(
          "a",
          { ["usr/include/x.h"] = "", ["usr/lib/x.a"] = "", ["usr/bin/x"] = "x" },
          { leave_out = { "/usr/include", "/usr/lib/*.a" } }
        ),
        part("b", { x = "x" }, { prefix = "var/lib", attributes = { x = { uid = 3 } } }),
        { package = "c 1", path = fs.cwd() .. "/one", prefix = "var/lib/one", mode = 420 },
      }
      local names = {}
      for path in pairs(made.entries) do
        names[#names + 1] = path
      end
      table.sort(names)
      check.equal(table.concat(names, " "), "usr usr/bin usr/bin/x usr/lib var/lib/one var/lib/x")
      check.equal(made.attributes, { ["var/lib/x"] = { uid = 3 } })
      check.equal(made.entries["var/lib/one"].size, 5)
      archive.pack { output = "root.tar", sources = made.sources }
      local packed = {}
      for _, member in ipairs(archive.list "root.tar") do
        packed[#packed + 1] = member.path
      end
      check.equal(table.concat(packed, " "):find("include", 1, true), nil)
    end,
  },
}
