-- What programs of a step set on files although no file of a user's folders may have it: set-id bits and capabilities.
-- Process 1 of the step's namespace notes it, in memory (`process.attribute_keeper`), and writes the notes to a file when
-- the step's own process has ended. They become attributes of the output.
local files = require "bq.files"
local hex = require "bq.hex"
local json = require "bq.json"
local paths = require "bq.paths"
local tables = require "bq.tables"

local noted = {}

---@class bq.Note
---@field path? string as the step saw it; the last one of a file that is gone; `nil` if it could not be read
---@field type? "file"|"dir"
---@field dev? integer
---@field ino? integer
---@field mode? integer with set-id bits
---@field capability? string its value, as hexadecimal digits
---@field what? "mode"|"capability" of a call that failed: what it was to set
---@field taken? boolean the output has it

---@class bq.Notes
---@field files bq.Note[]
---@field removed bq.Note[] files that were removed or replaced
---@field refused bq.Note[] calls that failed because they could not be noted

-- What a recipe says instead, by what a call sets.
local FIELDS <const> = {
  mode = { name = "modes", value = "4755", done = "made set-id" },
  capability = { name = "capabilities", value = "cap_net_raw=ep", done = "given capabilities" },
}
local SET_ID <const> = tonumber("6000", 8)

--- Writes the notes of a keeper.
---@param path string of a file that exists; it is not replaced
---@param keeper bq.process.Keeper
function noted.write(path, keeper)
  local notes = { files = keeper:attributes(), removed = keeper:removed(), refused = keeper:refused() }
  for kind, list in pairs(notes) do
    for _, note in ipairs(list) do
      note.path = note.path and json.text(note.path)
      note.capability = note.capability and hex(note.capability)
    end
    notes[kind] = json.array(list)
  end
  local file <close> = assert(io.open(path, "w"))
  assert(file:write(json.encode(notes)))
end

--- Reads notes.
---@param path string
---@return bq.Notes # empty if process 1 was ended before it wrote them
function noted.read(path)
  local text = files.read(path) or ""
  return text ~= "" and json.decode(text) or { files = {}, removed = {}, refused = {} }
end

--- A function that finds the note of a file of the output by its status.
---@param notes bq.Notes
---@return fun(stat: bq.fs.Stat): bq.Note?
function noted.finder(notes)
  local by_inode = {}
  for _, note in ipairs(notes.files) do
    by_inode[note.dev .. ":" .. note.ino] = note
  end
  return function(stat)
    local note = by_inode[stat.dev .. ":" .. stat.ino]
    if note then
      note.taken = true
    end
    return note
  end
end

--- The path in the output of a path of the step; `nil` if it is elsewhere.
local function below(dest, path)
  return path:sub(1, #dest + 1) == dest .. "/" and path:sub(#dest + 2) or nil
end

--- Whether an entry of the output may be a copy of a noted file, or what replaced it.
local function stands_for(entry, note, dest)
  local place = below(dest, note.path)
  if place then
    return entry.path == place
  elseif note.type == "dir" then
    return entry.type == "dir" and ("/" .. note.path):sub(-#entry.path - 1) == "/" .. entry.path
  end
  return entry.type == "file"
end

---@class bq.LostAttribute
---@field path string below the output
---@field field "modes"|"capabilities" by which the recipe can say what is meant
---@field sentence string

--- The paths of an output that lost a set-id bit or capabilities: a copy has only what the file itself has, and what
--- replaces a file has nothing of it. What the recipe names is not lost.
---@param notes bq.Notes after `finder` was asked for all of the output
---@param dest string where the step saw the output
---@param entries bq.fs.Entry[]
---@param found table<string, bq.Attribute> by path
---@param recipe table
---@return bq.LostAttribute[] # by path
function noted.lost(notes, dest, entries, found, recipe)
  local by_name, out, said = {}, {}, {}
  for _, entry in ipairs(entries) do
    local name = files.name(entry.path)
    by_name[name] = tables.append(by_name[name] or {}, { entry })
  end
  local named = { modes = {}, capabilities = {} } ---@type table<string, table<string, true>>
  for field, set in pairs(named) do
    for path in pairs(recipe[field] or {}) do
      set[paths.relative(path)] = true
    end
  end
  local function look(note, what, sentence)
    local field = FIELDS[what].name
    for _, entry in ipairs(by_name[files.name(note.path)] or {}) do
      local has = found[entry.path] or {}
      local is_kept = what == "mode" and (has.mode or 0) & SET_ID ~= 0 or what == "capability" and has.capabilities
      local id = field .. " " .. entry.path
      if stands_for(entry, note, dest) and not (is_kept or named[field][entry.path] or said[id]) then
        said[id] = true
        out[#out + 1] = { path = entry.path, field = field, sentence = sentence:format(note.path, FIELDS[what].done) }
      end
    end
  end
  for _, list in ipairs { notes.files, notes.removed } do
    for _, note in ipairs(list) do
      for what in pairs(FIELDS) do
        if note[what] and not note.taken then
          look(note, what, "`%s` was %s, and this is a copy or took its place, which does not keep it")
        end
      end
    end
  end
  for _, note in ipairs(notes.refused) do
    if note.path then
      look(note, note.what, "`%s` could not be %s")
    end
  end
  table.sort(out, function(a, b)
    return a.path < b.path or a.path == b.path and a.field < b.field
  end)
  return out
end

--- What to do about a step that failed, if notes may be the reason.
---@param notes bq.Notes
---@param dest string
---@return string?
function noted.advice(notes, dest)
  local note = notes.refused[1] or notes.files[1] or notes.removed[1]
  if not note then
    return nil
  end
  local what = note.what or (note.mode and "mode" or "capability")
  local field, path = FIELDS[what], note.path or "a file"
  return ("`%s` %s %s%s; leave that out, and say it in the recipe: `%s = { [%q] = %q }`"):format(
    path,
    note.what and "could not be" or "was",
    field.done,
    note.what and "" or ", which is recorded and does not show: if a program looks for it, this is why it failed",
    field.name,
    "/" .. (below(dest, path) or "usr/bin/" .. files.name(path)),
    note.mode and ("%o"):format(note.mode) or field.value
  )
end

return noted
