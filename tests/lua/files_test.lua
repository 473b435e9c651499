local command = require "bq.stage.command"
local check = require "check"
local fail = require "bq.fail"
local files = require "bq.files"
local fs = require "bq.fs"
local scratch = require "scratch"

check.run {
  {
    "files inside the binary and files of the disk",
    function()
      check.contains(files.read "$/scripts/coordinator.lua", [[require "bq.run.coordinator"]])
      check.equal(
        { files.read "$/scripts/none.lua" == nil, files.read "none" == nil, files.read "." == nil },
        { true, true, true }
      )
      scratch.write("folder/b", "b")
      scratch.write("folder/a/c", "c")
      check.equal({ files.list "folder", files.list "none", files.list "folder/b" }, { { "a", "b" }, {}, {} })
      local names = {}
      for _, name in ipairs(files.list "$/scripts") do
        names[name] = true
      end
      check.truthy(names["packages"] and names["coordinator.lua"] and not names["packages/zlib.lua"])
    end,
  },
  {
    "names and folders of paths",
    function()
      check.equal({ files.name "a/b.c", files.name "b.c", files.name "a/b/" }, { "b.c", "b.c", "b" })
      check.equal({ files.parent "a/b.c", files.parent "b.c" }, { "a", "." })
    end,
  },
  {
    "paths of a root stay in it, whatever its links say",
    function()
      fs.mkdir "root/usr/bin"
      fs.symlink("usr/bin", "root/bin")
      fs.symlink("/usr", "root/absolute")
      fs.symlink("../../../../etc", "root/usr/climbs")
      fs.symlink(fs.cwd() .. "/outside", "root/outside")
      fs.symlink("absolute/bin/../climbs", "root/usr/winding")
      fs.symlink("round", "root/round")
      for path, expected in pairs {
        ["usr/bin/x"] = "root/usr/bin/x",
        ["/usr//bin/"] = "root/usr/bin",
        ["bin/x"] = "root/usr/bin/x",
        ["absolute/bin/x"] = "root/usr/bin/x",
        ["usr/climbs/passwd"] = "root/etc/passwd",
        ["outside/x"] = "root" .. fs.cwd() .. "/outside/x",
        ["usr/winding"] = "root/usr/absolute/climbs",
        ["../../x"] = "root/x",
        ["none/./x"] = "root/none/x",
        ["."] = "root",
      } do
        check.equal(files.inside("root", path), expected, path)
      end
      local err = check.raises(function()
        files.inside("root", "round/x")
      end)
      check.equal(fail.lines(err), { "error: `round/x` of the root leads in a circle" })
    end,
  },
  {
    "a module is what require would load",
    function()
      local text, path = files.module "bq.fail"
      check.truthy(text:find("function fail.raise", 1, true))
      check.truthy(path:find "lua%-lib/bq/fail%.lua$")
      check.equal(files.module "bq.none", nil)
      check.contains(files.module "check", "What the Lua tests share")
      -- As `require` does, it looks for a folder's init.lua too.
      check.contains(files.module "bq.seed", "function seed.resolve")
    end,
  },
  {
    "recipe folders: those that were named first, and only those that are there",
    function()
      scratch.write("mine/a.lua", "")
      local folders = command.recipe_folders { "mine" }
      check.equal({ folders[1], folders[#folders] }, { fs.realpath "mine", "$/scripts/packages" })
      -- A workspace whose folder is gone has to be planned without it.
      check.equal(command.recipe_folders { "" }, command.recipe_folders {})
      local err = check.raises(function()
        command.recipe_folders { "none" }
      end)
      check.equal(fail.lines(err), {
        "error: `--recipes none`: no such folder",
        "hint: a workspace remembers its folders of recipes; name another one, or none: `--recipes=`",
      })
      check.equal(err.status, 2)
    end,
  },
}
