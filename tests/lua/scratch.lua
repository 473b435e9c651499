-- Files, recipes and declarations for the Lua tests; each test program runs in an empty folder of its own.
local digest = require "bq.digest"
local fs = require "bq.fs"
local recipe = require "bq.plan.recipe"

local scratch = {}

--- Writes a file, and makes the folders above it.
function scratch.write(path, text, mode)
  fs.mkdir(path:match "^(.*)/[^/]*$" or ".")
  fs.write(path, text, { mode = mode, sync = false })
  return path
end

--- Writes recipes, by name and text, into a folder; the collection of them.
function scratch.recipes(folder, texts)
  for name, text in pairs(texts) do
    scratch.write(("%s/%s.lua"):format(folder, name), text)
  end
  return recipe.collection { folder }
end

--- The text of a recipe that has all it needs; `more` is further Lua of the table.
function scratch.recipe(name, more)
  return ('return {\n  name = "%s",\n  version = "1",\n  license = "MIT",\n  strategy = "files",\n%s}\n'):format(
    name,
    more and "  " .. more .. ",\n" or ""
  )
end

--- A declaration with one phase, or with those that are given.
function scratch.declaration(packages, phases)
  return {
    sets = { core = { "core" }, full = { "core", "more" } },
    target = "{arch}-bq-linux-musl",
    epoch = 1000,
    env = { PATH = "/bin" },
    phases = phases or {
      {
        name = "one",
        about = "the only one",
        base = { "seed" },
        prefix = "/usr",
        env = {},
        packages = { core = packages },
        extend = true,
      },
    },
  }
end

--- A selection, with changes.
function scratch.selection(changes)
  local out = { set = "core", arch = "x86_64" }
  for name, value in pairs(changes or {}) do
    out[name] = value
  end
  return out
end

--- A digest for what needs one.
function scratch.sha256(text)
  return digest.sha256(text or "")
end

return scratch
