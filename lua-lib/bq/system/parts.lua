-- Parts of an output: `run` is what programs need when they run, `dev` what is needed to compile with a package, `doc` what
-- people read. Paths decide; a recipe can say otherwise by its field `parts`.
local elf = require "bq.elf"
local fs = require "bq.fs"
local kinds = require "bq.system.kinds"
local paths = require "bq.paths"

local parts = {}

--- The parts, in the order in which they are asked for.
parts.NAMES = { "run", "dev", "doc" }

-- What is below these is read by people.
-- stylua: ignore
local DOC <const> = {
  "/usr/share/doc", "/usr/share/man", "/usr/share/info", "/usr/share/gtk-doc", "/usr/share/help", "/usr/share/*/doc",
  "/usr/man", "/usr/doc", "/usr/info",
}
-- What is below these is for compilers and their tools.
-- stylua: ignore
local DEV <const> = {
  "/usr/include", "/usr/lib/pkgconfig", "/usr/share/pkgconfig", "/usr/lib/cmake", "/usr/share/cmake", "/usr/share/cmake-*",
  "/usr/share/aclocal", "/usr/share/aclocal-*", "/usr/lib/*.a", "/usr/lib/*.o", "/usr/lib/*.la", "/usr/bin/*-config",
  "/usr/*/include", "/usr/lib/*/include",
}

local is_doc, is_dev = paths.matcher(DOC), paths.matcher(DEV)

local PATHS <const> = kinds.list(kinds.path, "a list of paths")
local KIND <const> = kinds.record { ["run?"] = PATHS, ["dev?"] = PATHS, ["doc?"] = PATHS }

--- What is wrong with the field `parts` of a recipe.
---@param value table
---@param say bq.system.Say
function parts.check(value, say)
  KIND(value, say, "parts")
end

--- Whether a link in a folder of libraries is there for the linker only: `libz.so`, which leads to a library of another name
--- that programs ask for.
local function is_for_the_linker(top, path)
  if not path:find "^usr/lib/lib[^/]+%.so$" then
    return false
  end
  local target = fs.readlink(top .. "/" .. path)
  local place = target and not target:find "^/" and top .. "/usr/lib/" .. target
  local stat = place and fs.stat(place)
  local library = stat and stat.type == "file" and elf.read(place --[[@as string]])
  return library and library.soname ~= nil and library.soname ~= path:match "[^/]+$" or false
end

--- A function that says to which part a path belongs.
---@param top string the tree of the output
---@param said? table<string, string[]> the recipe's field `parts`
---@return fun(path: string): "run"|"dev"|"doc" without a leading `/`
function parts.of(top, said)
  local own = {}
  for _, name in ipairs(parts.NAMES) do
    own[name] = paths.matcher(said and said[name])
  end
  return function(path)
    for _, name in ipairs(parts.NAMES) do
      if own[name](path) then
        return name
      end
    end
    if is_doc(path) then
      return "doc"
    end
    return (is_dev(path) or is_for_the_linker(top, path)) and "dev" or "run"
  end
end

--- The paths of an output that are not taken, since they are of other parts: files, links, and folders of which nothing is left.
---@param top string the tree of the output
---@param wanted string[] parts
---@param said? table<string, string[]> the recipe's field `parts`
---@return table<string, true> left_out by path, without a leading `/`
function parts.left_out(top, wanted, said)
  local out, part_of, wants = {}, parts.of(top, said), {}
  for _, name in ipairs(wanted) do
    wants[name] = true
  end
  local entries = fs.walk(top)
  local kept, had = {}, {}
  for _, entry in ipairs(entries) do
    local is_kept = wants[part_of(entry.path)]
    if entry.type == "dir" then
      -- A folder that was installed empty is there for a reason.
      kept[entry.path], had[entry.path] = is_kept and "maybe" or nil, false
    elseif not is_kept then
      out[entry.path] = true
    end
    local above = entry.path:match "^(.*)/"
    if above then
      had[above] = true
    end
    while above and is_kept and entry.type ~= "dir" and kept[above] ~= "yes" do
      kept[above] = "yes"
      above = above:match "^(.*)/"
    end
  end
  -- From below: an empty folder keeps those above it.
  for index = #entries, 1, -1 do
    local entry = entries[index]
    if entry.type == "dir" then
      if kept[entry.path] == "maybe" and not had[entry.path] then
        kept[entry.path] = "yes"
      end
      local above = entry.path:match "^(.*)/"
      if kept[entry.path] == "yes" and above then
        kept[above] = "yes"
      end
      out[entry.path] = kept[entry.path] ~= "yes" or nil
    end
  end
  return out
end

return parts
