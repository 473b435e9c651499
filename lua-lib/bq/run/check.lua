-- Checks an output by a list of small lints. Each lint is one function that calls `problem` with a path and a sentence.
-- Each has a field of the recipe that allows paths.
local elf = require "bq.elf"
local fail = require "bq.fail"
local fs = require "bq.fs"
local paths = require "bq.paths"
local search = require "bq.run.search"
local tables = require "bq.tables"

local check = {}

---@class bq.Checked
---@field top string the output's tree
---@field entries bq.fs.Entry[] what is in it
---@field lost bq.LostAttribute[]
---@field changes bq.Change[] what the step changed outside of it
---@field places string[] folders that exist only while the step is built
---@field sysroot string where the toolchain is; empty if there is none
---@field prefix string of the phase
---@field recipe table its fields for this phase
---@field leave_out? string[] paths that the finished root does not take

--- How many problems are shown.
local MAX_SHOWN <const> = 20

local function quote(text)
  return "`" .. text .. "`"
end

--- Shows bytes that are not UTF-8 in a form that a person can read and type.
local function shown(bytes)
  return (bytes:gsub("[\128-\255]", function(byte)
    return ("\\x%02x"):format(byte:byte())
  end))
end

local function is_below(path, folder)
  return path == folder or path:sub(1, #folder + 1) == folder .. "/"
end

--- Whether the output may name the sysroot, because it is installed there.
local function is_of_sysroot(one)
  return one.sysroot == "" or is_below(one.prefix, one.sysroot)
end

--- The first forbidden folder that a text names.
local function forbidden(one, text)
  for _, place in ipairs(one.places) do
    if text:find(place, 1, true) then
      return place
    end
  end
  return not is_of_sysroot(one) and text:find(one.sysroot, 1, true) and one.sysroot or nil
end

local function is_empty(one, problem)
  if #one.entries == 0 and not one.recipe.may_be_empty then
    problem("/", "nothing was installed: `install` has to put files below `b.dest` (`DESTDIR`)")
  end
end

-- Folders that a step may write to, besides its build folder and its home.
local SCRATCH <const> = { "/tmp", "/var/tmp" }

local function writes_outside(one, problem)
  local is_allowed = paths.matcher(tables.append(tables.copy(SCRATCH), one.recipe.may_write))
  for _, change in ipairs(one.changes) do
    if not is_allowed(change.path) then
      problem(change.path, ("%s in the step's root, outside `b.dest`, and would be lost"):format(change.what))
    end
  end
end

local function unknown_kinds(one, problem)
  for _, entry in ipairs(one.entries) do
    if entry.type ~= "file" and entry.type ~= "dir" and entry.type ~= "link" then
      problem("/" .. entry.path, ("is a %s; an output holds files, folders and links"):format(entry.type))
    end
  end
end

local function names_that_are_no_text(one, problem)
  for _, entry in ipairs(one.entries) do
    local target = entry.type == "link" and fs.readlink(one.top .. "/" .. entry.path) or ""
    if not utf8.len(entry.path) then
      problem("/" .. shown(entry.path), "its name is not UTF-8")
    elseif not utf8.len(target) then
      problem("/" .. entry.path, ("leads to `%s`, which is not UTF-8"):format(shown(target)))
    end
  end
end

--- Attributes of paths that do not exist or cannot have them.
local function attributes_of_nothing(one, problem)
  for _, field in ipairs { "owners", "modes", "capabilities" } do
    for path in tables.sorted(one.recipe[field] or {}) do
      local stat = fs.lstat(one.top .. "/" .. paths.relative(path))
      if not stat then
        problem(path, ("is in `%s`, and was not installed"):format(field))
      elseif field == "modes" and stat.type == "link" or field == "capabilities" and stat.type ~= "file" then
        problem(path, ("is in `%s`, and is a %s"):format(field, stat.type))
      end
    end
  end
end

--- Set-id bits, or capabilities, that a program set and the output does not have.
local function lost(field)
  return function(one, problem)
    for _, attribute in ipairs(one.lost) do
      if attribute.field == field then
        problem("/" .. attribute.path, attribute.sentence)
      end
    end
  end
end

local function links_to_the_build(one, problem)
  local is_allowed = paths.matcher(one.recipe.may_name)
  for _, entry in ipairs(one.entries) do
    local target = entry.type == "link" and not is_allowed(entry.path) and fs.readlink(one.top .. "/" .. entry.path)
    local place = target and forbidden(one, target)
    if place then
      problem("/" .. entry.path, ("leads to %s"):format(quote(target)))
    end
  end
end

--- The interpreter (dynamic loader) and the rpaths of programs and libraries.
local function programs_that_search_the_build(one, problem)
  local is_allowed = paths.matcher(one.recipe.may_name)
  for _, entry in ipairs(one.entries) do
    local found = entry.type == "file"
      and entry.size >= 64
      and not is_allowed(entry.path)
      and elf.read(one.top .. "/" .. entry.path)
    for _, path in ipairs(found and found.paths or {}) do
      if forbidden(one, path) then
        problem("/" .. entry.path, ("searches %s for libraries (its rpath)"):format(quote(path)))
      end
    end
    if found and found.interpreter and forbidden(one, found.interpreter) then
      problem("/" .. entry.path, ("is started by %s (its interpreter)"):format(quote(found.interpreter)))
    end
  end
end

local function texts_that_name_the_build(one, problem)
  local is_allowed, is_left_out = paths.matcher(one.recipe.may_name), paths.matcher(one.leave_out)
  local sysroot = not is_of_sysroot(one) and { one.sysroot } or {}
  local all = tables.append(tables.copy(one.places), sysroot)
  for _, entry in ipairs(one.entries) do
    if entry.type == "file" and entry.size > 0 and not is_allowed(entry.path) then
      local path = one.top .. "/" .. entry.path
      -- Programs contain names of source files for their messages. This does no harm. But they must not name the
      -- sysroot.
      local texts = search.is_text(path) and all or not is_left_out(entry.path) and sysroot or {}
      local found, line = search.find(path, texts)
      if found then
        problem("/" .. entry.path, ("names %s: %s"):format(quote(found), quote(line)))
      end
    end
  end
end

--- Every lint, with the field of the recipe that allows paths.
local LINTS <const> = {
  { run = is_empty, field = "may_be_empty = true" },
  { run = writes_outside, field = 'may_write = { "PATH" }' },
  { run = unknown_kinds },
  { run = names_that_are_no_text },
  { run = attributes_of_nothing },
  { run = lost "modes", field = 'modes = { ["PATH"] = "4755" }' },
  { run = lost "capabilities", field = 'capabilities = { ["PATH"] = "cap_net_raw=ep" }' },
  { run = links_to_the_build, field = 'may_name = { "PATH" }' },
  { run = programs_that_search_the_build, field = 'may_name = { "PATH" }' },
  { run = texts_that_name_the_build, field = 'may_name = { "PATH" }' },
}

--- Raises if anything is wrong with an output.
---@param one bq.Checked
function check.output(one)
  local notes, fields, count = {}, {}, 0
  for _, lint in ipairs(LINTS) do
    lint.run(one, function(path, sentence)
      count = count + 1
      if count <= MAX_SHOWN then
        notes[#notes + 1] = ("  %s: %s"):format(path, sentence)
      end
      if lint.field and not fields[lint.field] then
        fields[lint.field] = true
        fields[#fields + 1] = quote(lint.field)
      end
    end)
  end
  if count == 0 then
    return
  elseif count > MAX_SHOWN then
    notes[#notes + 1] = ("  and %d more"):format(count - MAX_SHOWN)
  end
  fail.raise(
    ("the output is refused: %s"):format(count == 1 and "one thing is wrong" or count .. " things are wrong"),
    {
      notes = notes,
      hint = "mend it in the recipe"
        .. (#fields > 0 and "; where it is meant, say so there: " .. table.concat(fields, ", ") or ""),
    }
  )
end

return check
