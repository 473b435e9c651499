-- Compares two ELF files: header, libraries, sections, symbols, texts, and the features of a processor that the code uses.
local cause = require "bq.diff.cause"
local bytes_of = require "bq.diff.bytes"
local elf = require "bq.diff.elf"
local hex = require "bq.hex"
local instructions = require "bq.diff.instructions"
local masks = require "bq.diff.masks"
local node = require "bq.diff.node"
local packaged = require "bq.elf"
local tables = require "bq.tables"
local symbols_of = require "bq.diff.symbols"
local text = require "bq.diff.text"

local program = {}

local DEBUG <const> = { "^%.debug", "^%.zdebug", "^%.symtab", "^%.strtab", "^%.stab", "^%.gnu_debuglink", "^%.gdb" }
-- Sections that follow from others: when nothing else differs, they are looked at.
local DERIVED <const> = {
  "^%.rela?%.",
  "^%.eh_frame",
  "^%.gnu%.hash",
  "^%.hash",
  "^%.shstrtab",
  "^%.strtab",
  "^%.symtab",
  "^%.dynsym",
  "^%.dynstr",
  "^%.gnu%.version",
  "^%.got",
  "^%.plt",
  "^%.dynamic",
  "^%.gnu_debuglink",
  "^%.debug_",
  "^%.relr",
  "^%.note%.gnu%.build%-id",
  "^%.init_array",
  "^%.fini_array",
  "^%.data%.rel%.ro",
}
-- Those of them that have texts of their own.
local TEXTS <const> = { "^%.debug_", "^%.dynstr", "^%.gnu_debuglink" }
-- Programs in which more texts differ than these have little in common.
local FOREIGN <const> = 200
local BUILD_ID <const>, COMPILER <const> = "GNU 3", ".comment"

local function matches(name, patterns)
  for _, pattern in ipairs(patterns) do
    if name:find(pattern) then
      return true
    end
  end
  return false
end

--- Whether a part follows from others, so that it has no cause of its own.
local function is_derived(part)
  return matches(part.name:gsub("^section ", ""), DERIVED)
end

--- The features of all code of a file.
local function features(one)
  local out = {}
  for _, section in ipairs(one.sections) do
    if section.flags & elf.CODE ~= 0 then
      for name, count in pairs(instructions.features(one.machine, section.bytes)) do
        out[name] = (out[name] or 0) + count
      end
    end
  end
  return out
end

--- The features that one side uses and the other one hardly.
local function compare_features(part, a, b, is_other)
  local ours, theirs, said = features(a), features(b), {}
  local all = {}
  for _, side in ipairs { ours, theirs } do
    for name in pairs(side) do
      all[name] = true
    end
  end
  for _, name in ipairs(tables.names(all)) do
    local one, other = ours[name] or 0, theirs[name] or 0
    if math.max(one, other) >= 8 * math.min(one, other) then
      said[#said + 1] = ("%s (%d → %d instructions)"):format(name, one, other)
    end
  end
  if #said > 0 then
    part:fact("features of the processor: " .. table.concat(said, ", "))
    -- Two programs that have little in common differ in this, too.
    part:because(is_other and {} or { cause.likely("a processor's feature (-march)", table.concat(said, ", ")) })
  end
end

local function list_text(list)
  return #list == 0 and "none" or table.concat(list, " ")
end

local KINDS <const> =
  { [1] = "object", [2] = "executable at a fixed place", [3] = "shared object, or executable at any place" }

--- Compares what the headers say. What has no cause leaves the node open.
local function compare_header(top, a, b, files)
  local function say(what, ours, theirs, causes)
    if ours ~= theirs then
      top:fact(("%s: %s → %s"):format(what, tostring(ours), tostring(theirs)))
      top:because(causes or {})
      top.open = top.open or #(causes or {}) == 0
    end
  end
  local is_program = a.type == elf.EXEC and b.type == elf.DYN or a.type == elf.DYN and b.type == elf.EXEC
  say("kind", KINDS[a.type] or a.type, KINDS[b.type] or b.type, is_program and {
    cause.likely("options of the compiler", "position-independent code (-pie) on one side only"),
  } or nil)
  say("machine", a.machine, b.machine)
  say("flags", a.flags, b.flags)
  local ok, ours, theirs = pcall(function()
    return packaged.read(files[1]), packaged.read(files[2])
  end)
  if ok and ours and theirs then
    local is_static = (#ours.needed == 0) ~= (#theirs.needed == 0)
    local linked = is_static
      and { cause.likely("options of the compiler", "linked statically (-static) on one side only") }
    local from, to = ours.interpreter or "none", theirs.interpreter or "none"
    say("interpreter", from, to, linked or cause.of(from, to))
    from, to = ours.soname or "none", theirs.soname or "none"
    say("soname", from, to, cause.of(from, to))
    from, to = list_text(ours.needed), list_text(theirs.needed)
    say("needed", from, to, linked or cause.of(from, to))
    from, to = list_text(ours.paths), list_text(theirs.paths)
    say("paths of libraries", from, to, cause.of(from, to))
  end
end

--- Compares a section that both files have. Returns its node.
local function compare_section(one, other)
  local part = node.new("section " .. one.name)
  if one.size ~= other.size then
    part:fact(("%d → %d bytes"):format(one.size, other.size))
  end
  if one.flags & elf.CODE ~= 0 then
    part:fact "its code differs"
  elseif one.type == elf.NOTE then
    local ours, theirs = elf.notes(one.bytes), elf.notes(other.bytes)
    for _, name in ipairs(tables.names(ours)) do
      if theirs[name] and theirs[name] ~= ours[name] then
        part:fact(("note %s: %s → %s"):format(name, hex(ours[name]):sub(1, 40), hex(theirs[name]):sub(1, 40)))
      end
    end
    part.build_id = ours[BUILD_ID] ~= theirs[BUILD_ID]
    part.open = not part.build_id
  else
    local ours, theirs = elf.strings(one.bytes), elf.strings(other.bytes)
    local has_texts = not is_derived(part) or matches(one.name, TEXTS)
    if not is_derived(part) and bytes_of.are_times(one.bytes, other.bytes) then
      bytes_of.compare(part, one.bytes, other.bytes)
    elseif has_texts and table.concat(ours, "\n") ~= table.concat(theirs, "\n") then
      text.compare_lists(part, ours, theirs, "strings")
    elseif #one.bytes == #other.bytes then
      bytes_of.compare(part, one.bytes, other.bytes, is_derived(part))
    else
      part.open = true
    end
  end
  return part
end

--- Compares all sections. Returns the nodes of those that differ, whether code does, and how many are on one side only.
local function compare_sections(top, a, b)
  local only, has_code, parts, is_stripped = { {}, {} }, false, {}, false
  for index, pair in ipairs { { a, b }, { b, a } } do
    for _, section in ipairs(pair[1].sections) do
      if not pair[2].by_name[section.name] then
        table.insert(only[index], section.name)
        is_stripped = is_stripped or section.name == ".symtab" or section.name == ".debug_info"
      end
    end
  end
  local lonely = 0
  for index, word in ipairs { "gone", "new" } do
    local list = only[index] --[[@as string[] ]]
    for _, name in ipairs(list) do
      lonely = lonely + (matches(name, DEBUG) and 0 or 1)
    end
    if #list > 0 then
      top:fact(("sections that are %s: %s"):format(word, table.concat(list, " ")))
    end
  end
  if is_stripped then
    top:because { cause.likely("symbols or debug information in one of them only (strip, -g)", "its sections") }
  end
  for _, section in ipairs(a.sections) do
    local other = b.by_name[section.name]
    local differs = other and (other.bytes ~= section.bytes or other.size ~= section.size)
    if differs and section.type ~= elf.SYMTAB and section.type ~= elf.DYNSYM then
      parts[#parts + 1] = compare_section(section, other)
      has_code = has_code or section.flags & elf.CODE ~= 0
    end
  end
  return parts, has_code, lonely
end

--- A guess by how many functions have another size: options change most of them, a change of the source a few.
local function guess_by_sizes(top, symbols)
  local said = ("%d of %d functions and objects have another size"):format(symbols.resized, symbols.count)
  if symbols.resized > 1 and 2 * symbols.resized >= symbols.count then
    top:because { cause.likely("options of the compiler", said .. ", by the same compiler: such as -O") }
  elseif symbols.resized > 0 and 3 * symbols.resized <= symbols.count then
    top:because { cause.likely("another source", said) }
  else
    top:fact "no cause is seen for its code"
    top.open = true
  end
end

--- The lines of a part, as one text.
local function lines_of(part)
  local out = {}
  for index, line in ipairs(part.lines) do
    out[index] = line.sign .. line.text
  end
  return table.concat(out, " ")
end

--- Compares two ELF files.
---@param top bq.diff.Node changed
---@param ours string the bytes
---@param theirs string
---@param files string[] the paths of both
---@return boolean read whether both could be read
function program.compare(top, ours, theirs, files)
  local a, b = elf.read(ours), elf.read(theirs)
  if not a or not b then
    return false
  end
  compare_header(top, a, b, files)
  local symbols = symbols_of.compare(top, a, b)
  local parts, has_code, lonely = compare_sections(top, a, b)
  if has_code then
    local lines = 0
    for _, part in ipairs(parts) do
      lines = lines + #part.lines + part.cut
    end
    compare_features(top, a, b, lines > FOREIGN)
  end
  local build_id
  for _, part in ipairs(parts) do
    if part.name == "section " .. COMPILER then
      part.causes, part.open = { cause.likely(masks.VERSION, "the compiler or linker: " .. lines_of(part)) }, false
    end
    build_id = part.build_id and part or build_id
    top:add(part)
  end
  local known = #top:all_causes() > 0
  if
    build_id
    and not known
    and not has_code
    and lonely == 0
    and #parts == 1
    and #top.facts == 0
    and not symbols.part
  then
    local why = "nothing but it differs: it is random, or a digest of what was stripped from the program"
    build_id:because { cause.likely("a build id", why) }
  elseif build_id then
    build_id:fact "an id is a digest of the rest of the file, and follows from it"
  end
  if has_code and not known then
    guess_by_sizes(top, symbols)
    known = #top.causes > 0
  end
  for _, part in ipairs(top.nodes) do
    -- What follows from a known difference is not open itself: addresses, hashes, tables of names.
    part.open = part.open and not (known and (is_derived(part) or part == symbols.part))
  end
  if #top.facts == 0 and #top.nodes == 0 then
    top:fact "the files differ between or after their sections only"
    top.open = true
  end
  return true
end

return program
