-- What a step changed in its root, as told from a layer of an overlay and from a copy.
local changes = require "bq.run.changes"
local check = require "check"
local fs = require "bq.fs"
local layers = require "bq.run.layers"
local scratch = require "scratch"

local function setup()
  fs.remove_all "top"
  for path, text in pairs {
    ["top/one/a/x"] = "one",
    ["top/one/link"] = "",
    ["top/two/a/x"] = "two",
    ["top/two/a/y"] = "two",
    ["top/two/b/z"] = "z",
  } do
    scratch.write(path, text)
  end
  -- `b` of the lower tree is hidden by what is no folder.
  scratch.write("top/one/b", "a file")
  fs.mkdir "top/upper"
  return { "top/one", "top/two" }
end

local function names(list)
  local out = {}
  for index, change in ipairs(list) do
    out[index] = change.path .. " " .. change.what
  end
  return out
end

check.run {
  {
    "the topmost tree that has a path has it",
    function()
      local lowers = setup()
      check.equal(
        { layers.read(lowers, "a/x"), layers.read(lowers, "a/y"), layers.read(lowers, "b") },
        { "one", "two", "a file" }
      )
      check.equal(layers.find(lowers, "b/z"), nil)
      check.equal(layers.find(lowers, "a/none"), nil)
      check.equal(layers.names(lowers, "a"), { x = true, y = true })
    end,
  },
  {
    "of a layer",
    function()
      local lowers = setup()
      scratch.write("top/upper/a/x", "one")
      scratch.write("top/upper/a/y", "changed")
      scratch.write("top/upper/new/in/it", "new")
      scratch.write("top/upper/place/in/it", "new")
      local found = changes.of_layer("top/upper", lowers, function(path)
        return path == "place" or path == "place/in"
      end)
      check.equal(names(found), { "/a/y was changed", "/new was made", "/place/in/it was made" })
      fs.chmod("top/upper/a", 448)
      found = changes.of_layer("top/upper", lowers, function()
        return false
      end)
      check.equal(found[1], { path = "/a", what = "has another mode" })
    end,
  },
  {
    "of a copy",
    function()
      local lowers = setup()
      fs.copy("top/two", "top/copy")
      fs.copy("top/one", "top/copy", { merge = true })
      local since
      repeat
        scratch.write("top/since", "")
        since = fs.stat("top/since").ctime
      until since > fs.stat("top/copy").ctime
      check.equal(changes.of_copy("top/copy", since, lowers), {})
      -- Written again with the same content, and with the time that it had.
      scratch.write("top/copy/a/x", "one")
      fs.utime("top/copy/a/y", 1)
      check.equal(changes.of_copy("top/copy", since, lowers), {})
      scratch.write("top/copy/a/x", "changed")
      fs.remove "top/copy/a/y"
      scratch.write("top/copy/new/in/it", "new")
      check.equal(
        names(changes.of_copy("top/copy", since, lowers)),
        { "/a/x was changed", "/a/y was removed", "/new was made" }
      )
    end,
  },
}
