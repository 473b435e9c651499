local check = require "check"
local command = require "bq.stage.command"
local fs = require "bq.fs"
local host = require "bq.host"
local json = require "bq.json"
local process = require "bq.process"
local scratch = require "scratch"
local workspace = require "bq.workspace"

--- What a program that is run in a tree makes of the workspace: what it recalls, as text, and what it says.
local function recalled(tree, space, code)
  local status = process.run {
    argv = {
      process.executable(),
      "-e",
      ("local one = require('bq.stage.command').recall(require('bq.workspace').new '%s')\n%s"):format(space.path, code),
    },
    cwd = tree,
    stdout = "capture",
    stderr = "capture",
  }
  check.truthy(status.ok, status.stderr)
  return status.stdout:gsub("\n$", ""), status.stderr
end

--- A working tree: a library of one file, which leaves the rest to the bundle, and a program.
local function tree(name)
  scratch.write(name .. "/lua-lib/bq/main.lua", host.bundled "$/lua-lib/bq/main.lua")
  scratch.write(name .. "/scripts/build_sysroot.lua", "-- " .. name)
  return fs.cwd() .. "/" .. name
end

check.run {
  {
    "what was asked for is kept, but for what counts for one run",
    function()
      fs.mkdir "own"
      local space = workspace.new "one"
      space:create()
      local asked = command.of {
        set = "core",
        only = { "zlib", "--odd" },
        recipes = { "own" },
        offline = true,
        jobs = 3,
        output = "out.tar",
        update_seed = true,
        workspace = "one",
      }
      check.equal(asked.recipes[1], fs.cwd() .. "/own")
      check.truthy(command.recipes_of(space, {})[1] ~= fs.cwd() .. "/own")
      command.remember(space, asked)
      -- Programs that only look at recipes look there, too, unless they are told otherwise.
      check.equal(command.recipes_of(space, {})[1], fs.cwd() .. "/own")
      check.truthy(command.recipes_of(space, { "" })[1] ~= fs.cwd() .. "/own")
      local again, another = command.recall(space, {})
      check.equal(another, false)
      check.equal(again.options, {
        set = "core",
        only = { "zlib", "--odd" },
        with = json.array {},
        without = json.array {},
        mirror = json.array {},
        recipes = { fs.cwd() .. "/own" },
        offline = true,
        jobs = 3,
      })
      local words = command.words(again, space)
      for index, word in ipairs(words) do
        words[index] = index > 2 * #host.module_folders + 1 and word or nil
      end
      local said = {}
      for _, word in pairs(words) do
        said[word] = true
      end
      for _, word in ipairs {
        "--set=core",
        "--only=zlib",
        "--only=--odd",
        "--offline",
        "--jobs=3",
        "--workspace=" .. space.path,
      } do
        check.truthy(said[word], word)
      end
      check.truthy(not said["--output=out.tar"] and not said["--update-seed"])
    end,
  },
  {
    "a workspace without a record is made by what its plan says",
    function()
      local space = workspace.new "bare"
      space:create()
      local one = command.recall(
        space,
        { set = "full", arch = "aarch64", selection = { only = { "a" }, with = {}, without = { "b" } } }
      )
      check.equal(
        { one.options.set, one.options.arch, one.options.only, one.options.without },
        { "full", "aarch64", { "a" }, { "b" } }
      )
      check.truthy(one.script:find "/build_sysroot%.lua$")
    end,
  },
  {
    "a tree that was copied or moved: what is at hand counts, and it is said",
    function()
      local old, new, own = tree "old", tree "new", fs.cwd() .. "/mine"
      fs.mkdir(own)
      local space = workspace.new "shared"
      space:create()
      command.remember(space, {
        script = old .. "/scripts/build_sysroot.lua",
        folder = old,
        options = { recipes = { own } },
        modules = { old .. "/lua-lib" },
        programs = { old .. "/scripts" },
      })
      local show <const> = "print(one.text, one.folder, one.modules[1], one.programs[1], one.recipes[1])"
      local function expected(name, path)
        return ("-- %s\t%s\t%s/lua-lib\t%s/scripts\t%s"):format(name, path, path, path, own)
      end
      local text, said = recalled(old, space, show)
      check.equal({ text, said }, { expected("old", old), "" })
      text, said = recalled(new, space, show)
      check.equal(text, expected("new", new))
      check.contains(
        said,
        ("this workspace was made by the programs in `%s/scripts`; those at hand are used: `%s/scripts`"):format(
          old,
          new
        )
      )
      fs.remove_all(old)
      text = recalled(new, space, show)
      check.equal(text, expected("new", new))
      -- From where there is no tree, the bundle is what is left.
      fs.mkdir "elsewhere"
      text, said = recalled("elsewhere", space, "print(one.recipes[#one.recipes])")
      check.equal(text, "$/scripts/packages")
      check.contains(
        said,
        ("`%s/scripts`, which this workspace was made by, is gone: what comes with bq is used"):format(old)
      )
    end,
  },
}
