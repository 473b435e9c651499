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

--- An ELF-64 file with a dynamic section and a table of strings, all loaded at 0x400000.
---@param one { needed?: string[], soname?: string, paths?: string, interpreter?: string, kind?: integer, machine?: integer, more?: string }
---@return string
function scratch.elf(one)
  local base <const>, strings, tags = 0x400000, "\0", {}
  local function text(value)
    local at = #strings
    strings = strings .. value .. "\0"
    return at
  end
  for _, name in ipairs(one.needed or {}) do
    tags[#tags + 1] = { 1, text(name) }
  end
  tags[#tags + 1] = one.soname and { 14, text(one.soname) }
  tags[#tags + 1] = one.paths and { 29, text(one.paths) }
  local loader = one.interpreter and text(one.interpreter)
  local count = loader and 3 or 2
  local headers = 64 + count * 56
  -- What comes after the end is not read.
  for _, tag in ipairs { { 5, base + headers }, { 10, #strings }, { 0, 0 }, { 14, 1 } } do
    tags[#tags + 1] = tag
  end
  local dynamic, dynamic_at = "", headers + #strings
  for _, tag in ipairs(tags) do
    dynamic = dynamic .. ("<i8i8"):pack(tag[1], tag[2])
  end
  local function header(kind, offset, length)
    return ("<I4I4i8i8i8i8i8i8"):pack(kind, 4, offset, base + offset, base + offset, length, length, 8)
  end
  return table.concat {
    "\127ELF\2\1\1" .. ("\0"):rep(9),
    -- stylua: ignore
    ("<I2I2I4i8i8i8I4I2I2I2I2I2I2"):pack(
      one.kind or 3, one.machine or 62, 1, base, 64, 0, 0, 64, 56, count, 64, 0, 0
    ),
    header(1, 0, dynamic_at + #dynamic),
    loader and header(3, headers + loader, #one.interpreter + 1) or "",
    header(2, dynamic_at, #dynamic),
    strings,
    dynamic,
    one.more or "",
  }
end

--- A digest for what needs one.
function scratch.sha256(text)
  return digest.sha256(text or "")
end

return scratch
