-- Joins several trees into one root and decides which package owns each path. The build, the finished root, its tarball, its
-- manifest and disks all use this rule.
--
-- Packages may share folders and identical files. Where two packages differ, a path that the recipe of one lists in `yields`
-- belongs to the other. Any other difference is an error that names both.
local digest = require "bq.digest"
local fail = require "bq.fail"
local fs = require "bq.fs"
local paths = require "bq.paths"
local store = require "bq.store"

local union = {}

-- How many conflicts a message shows.
local MAX_SHOWN <const> = 20

--- One of the trees.
---@class bq.Part
---@field ["package"] string whose it is, as a message names it
---@field path string a folder, or (with `prefix`) a file
---@field prefix? string where in the root it goes; of a file: its path there
---@field mode? integer of a file that is a part by itself
---@field attributes? table<string, bq.Attribute> by the path below `path`
---@field yields? string[]|true paths of the root where it gives way to others; `true`: everywhere
---@field leave_out? string[] paths of the root that are not taken
---@field left_out? table<string, true> paths below `path` that are not taken; of a folder, what is below it too
---@field step? table of the plan, where it is a step's output

--- What a path of the root is.
---@class bq.Placed
---@field type string
---@field mode integer
---@field size integer
---@field target? string of a link
---@field file string where it is on this machine
---@field part bq.Part whose it is
---@field attributes? bq.Attribute

---@class bq.Union
---@field entries table<string, bq.Placed> by path, without the first `/`
---@field attributes table<string, bq.Attribute> by path: what `archive.pack` and `digest.tree` take
---@field sources bq.archive.Source[] what `archive.pack` takes
---@field skip table<bq.Part, string[]> paths on this machine that are another part's or left out: what `fs.copy` takes
---@field count integer
---@field bytes integer

local function kind(one)
  return one.type == "dir" and "folder" or one.type
end

local function id(one, name)
  return one.attributes and one.attributes[name] or 0
end

local function mode(one)
  return one.attributes and one.attributes.mode or one.mode
end

--- Says how two entries of a path differ; `nil` if they are the same.
---@param a bq.Placed
---@param b bq.Placed
---@return string?
local function difference(a, b)
  local attributes_a, attributes_b = a.attributes or {}, b.attributes or {}
  if a.type ~= b.type then
    return ("a %s of `%s` and a %s of `%s`"):format(kind(a), a.part.package, kind(b), b.part.package)
  end
  local both = ("of `%s` and of `%s`"):format(a.part.package, b.part.package)
  if a.type == "link" and a.target ~= b.target then
    return ("a link %s: to `%s` and to `%s`"):format(both, a.target, b.target)
  elseif a.type == "file" and (a.size ~= b.size or digest.file(a.file) ~= digest.file(b.file)) then
    return ("a file %s: their content differs"):format(both)
  elseif a.type ~= "link" and mode(a) ~= mode(b) then
    return ("a %s %s: mode %04o and %04o"):format(kind(a), both, mode(a), mode(b))
  elseif id(a, "uid") ~= id(b, "uid") or id(a, "gid") ~= id(b, "gid") then
    return ("a %s %s: owner %d:%d and %d:%d"):format(
      kind(a),
      both,
      id(a, "uid"),
      id(a, "gid"),
      id(b, "uid"),
      id(b, "gid")
    )
  elseif attributes_a.capabilities ~= attributes_b.capabilities then
    return ("a %s %s: their capabilities differ"):format(kind(a), both)
  end
end

--- A function that says whether a part yields at a path.
local function yielding(part)
  if part.yields == true then
    return function()
      return true
    end
  end
  return paths.matcher(part.yields --[[@as string[]?]])
end

--- The entries of a part, sorted by path.
---@param part bq.Part
---@return { path: string, below: string, entry: bq.fs.Entry }[] path: of the root; below: of the part
local function content(part)
  local stat, out = fs.stat(part.path), {}
  if stat and stat.type == "file" then
    ---@type bq.fs.Entry
    local entry = { path = "", type = "file", size = stat.size, mtime = stat.mtime, mode = part.mode or stat.mode }
    return {
      {
        path = part.prefix --[[@as string]],
        below = ".",
        entry = entry,
      },
    }
  end
  local prefix = part.prefix and part.prefix ~= "" and part.prefix .. "/" or ""
  for index, entry in ipairs(fs.walk(part.path)) do
    out[index] = { path = prefix .. entry.path, below = entry.path, entry = entry }
  end
  return out
end

--- The entry that gets the path; `nil` if neither yields, or one is a folder and the other is not.
---@param a bq.Placed
---@param b bq.Placed of a later part
local function winner(a, b, a_yields, b_yields)
  if (a.type == "dir") ~= (b.type == "dir") then
    return nil
  elseif a_yields then
    return b
  end
  return b_yields and a or nil
end

--- Joins the parts.
---@param parts bq.Part[]
---@return table<string, bq.Placed> entries
---@return table<bq.Part, string[]> skip
---@return { path: string, text: string }[] conflicts
local function lay(parts)
  local entries, skip, conflicts, yields = {}, {}, {}, {}
  for _, part in ipairs(parts) do
    yields[part], skip[part] = yielding(part), {}
    local is_left_out = paths.matcher(part.leave_out)
    for _, one in ipairs(content(part)) do
      local file = one.below == "." and part.path or part.path .. "/" .. one.below
      local placed = {
        type = one.entry.type,
        mode = one.entry.mode,
        size = one.entry.type == "file" and one.entry.size or 0,
        target = one.entry.type == "link" and fs.readlink(file) or nil,
        file = file,
        part = part,
        attributes = part.attributes and part.attributes[one.below],
      }
      local before = entries[one.path]
      local what = before and difference(before, placed)
      if is_left_out(one.path) or part.left_out and part.left_out[one.below] then
        table.insert(skip[part], file)
      elseif not before then
        entries[one.path] = placed
      elseif what then
        local has = winner(before, placed, yields[before.part](one.path), yields[part](one.path))
        if not has then
          conflicts[#conflicts + 1] = { path = one.path, text = ("/%s: %s"):format(one.path, what) }
        else
          local gone = has == placed and before or placed
          entries[one.path] = has
          if has.type ~= "dir" then
            table.insert(skip[gone.part], gone.file)
          else
            -- When trees are copied over each other, the last one sets the mode of a folder. The attribute corrects it.
            local said = has.attributes or {}
            has.attributes = { uid = said.uid, gid = said.gid, mode = mode(has) }
          end
        end
      end
    end
  end
  return entries, skip, conflicts
end

--- Conflicts as lines, sorted by path.
local function lines(conflicts)
  table.sort(conflicts, function(a, b)
    return a.path < b.path
  end)
  local out = {}
  for index, one in ipairs(conflicts) do
    out[index] = "  " .. one.text
  end
  return out
end

--- The conflicts between parts, as lines.
---@param parts bq.Part[]
---@return string[]
function union.conflicts(parts)
  local _, _, conflicts = lay(parts)
  return lines(conflicts)
end

--- The output of a step as a part of a root.
---@param build bq.State
---@param step table of the plan
---@return bq.Part
function union.part(build, step)
  local key = build.keys[step.id]
  local meta = store.get(build.workspace, key) or {}
  return {
    package = ("%s %s"):format(step.name, step.version),
    path = store.output(build.workspace, key),
    attributes = meta.attributes,
    yields = step.yields,
    leave_out = step.leave_out,
    step = step,
  }
end

--- Raises if there are conflicts.
local function refuse(conflicts)
  if #conflicts > 0 then
    local found = lines(conflicts)
    local notes = table.move(found, 1, math.min(#found, MAX_SHOWN), 1, {})
    notes[#notes + 1] = #found > MAX_SHOWN and ("  and %d more"):format(#found - MAX_SHOWN) or nil
    local count = #found == 1 and "a path is" or ("%d paths are"):format(#found)
    fail.raise(count .. " in two packages, which differ there", {
      notes = notes,
      hint = 'add the path to `yields` in the recipe of the package that gives way: `yields = { "PATH" }`, or for a file of the system to `replaces` in its page; a folder and a file always conflict',
    })
  end
end

--- Raises if the parts conflict.
---@param parts bq.Part[] the lowest first
function union.check(parts)
  local _, _, conflicts = lay(parts)
  refuse(conflicts)
end

--- Joins the parts into one root. Raises if they conflict.
---@param parts bq.Part[] the lowest first
---@return bq.Union
function union.of(parts)
  local entries, skip, conflicts = lay(parts)
  refuse(conflicts)
  local made = { entries = entries, attributes = {}, sources = {}, skip = skip, count = 0, bytes = 0 }
  for path, placed in pairs(entries) do
    made.count, made.bytes = made.count + 1, made.bytes + placed.size
    made.attributes[path] = placed.attributes
  end
  for _, part in ipairs(parts) do
    local exclude, is_gone = {}, false
    for _, file in ipairs(skip[part]) do
      is_gone = is_gone or file == part.path
      exclude[#exclude + 1] = file:sub(#part.path + 2)
    end
    if not is_gone then
      made.sources[#made.sources + 1] = { path = part.path, prefix = part.prefix, mode = part.mode, exclude = exclude }
    end
  end
  return made
end

return union
