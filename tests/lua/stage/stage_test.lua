local check = require "check"
local files = require "bq.files"
local fs = require "bq.fs"
local scratch = require "scratch"
local stage = require "bq.stage.stage"

local PACKAGES <const> = "root/usr/local/share/bq/scripts/packages"

--- The staged files below a folder of the packages.
local function staged(folder)
  local out = {}
  for _, entry in ipairs(fs.stat(PACKAGES .. "/" .. folder) and fs.walk(PACKAGES .. "/" .. folder) or {}) do
    out[#out + 1] = entry.type == "file" and entry.path or nil
  end
  return out
end

--- What is staged, of recipes in these folders.
local function from(recipes)
  return { recipes = recipes, modules = {}, programs = {} }
end

check.run {
  {
    "a recipe that goes before the bundled one leaves that one's patches and files behind",
    function()
      fs.mkdir "root"
      stage.places "root"
      stage.install("root", from {})
      check.equal(fs.read(PACKAGES .. "/linux.lua"), files.read "$/scripts/packages/linux.lua")
      local version = files.read("$/scripts/packages/linux.lua"):match 'version = "([^"]+)"'
      local patches <const> = "patches/linux-" .. version
      check.truthy(#staged(patches) > 0 and #staged "linux" > 0)
      scratch.write("lower/linux-headers.lua", scratch.recipe "linux-headers")
      scratch.write("lower/patches/linux-headers-1/0001-stays.patch", "of the longer name")
      scratch.write("own/linux.lua", scratch.recipe "linux")
      stage.install("root", from { "own", "lower", "$/scripts/packages" })
      check.equal(fs.read(PACKAGES .. "/linux.lua"), scratch.recipe "linux")
      check.equal({ staged(patches), staged "linux" }, { {}, {} })
      check.equal(staged "patches/linux-headers-1", { "0001-stays.patch" })
      scratch.write("own/patches/linux-1/0001-own.patch", "own")
      scratch.write("own/linux/own.config", "own")
      stage.install("root", from { "own", "lower", "$/scripts/packages" })
      check.equal({ staged "patches/linux-1", staged "linux" }, { { "0001-own.patch" }, { "own.config" } })
      stage.install("root", from {})
      check.equal(#staged "patches/linux-1", 0)
      check.truthy(#staged(patches) > 0)
    end,
  },
  {
    "the program in a root is a file with the bytes of the one that was named, also by a link",
    function()
      fs.mkdir "small"
      stage.places "small"
      scratch.write("program", "first")
      fs.symlink("program", "link")
      local place <const> = "small/usr/local/bin/bq"
      local function install(name)
        stage.install("small", from {}, name)
        local stat = fs.lstat(place)
        return { stat.type, stat.mode, fs.read(place), #fs.list "small/usr/local/bin" }
      end
      local count = install("link")[4]
      check.equal(install "link", { "file", files.mode "0755", "first", count })
      -- As long as before, and what a killed run left beside it is gone.
      scratch.write("program", "again")
      fs.mkdir(place .. ".new")
      check.equal(install "link", { "file", files.mode "0755", "again", count })
    end,
  },
}
