-- Compares two ELF files: header, libraries, sections, symbols, texts, and the features of a processor that the code uses.
local cause = require "bq.diff.cause"
local elf = require "bq.diff.elf"
local instructions = require "bq.diff.instructions"
local masks = require "bq.diff.masks"
local packaged = require "bq.elf"
local tables = require "bq.tables"
local sections_of = require "bq.diff.sections"
local symbols_of = require "bq.diff.symbols"

local program = {}

-- Programs in which more texts differ than these have little in common.
local FOREIGN <const> = 200
local COMPILER <const> = ".comment"
local OPTIONS <const>, LINKER <const>, MARCH <const> =
  "options of the compiler", "options of the linker", "a processor's feature (-march)"
-- With these, constants and addresses in data change, too.
local OF_CODE <const> = { [OPTIONS] = true, [LINKER] = true, [MARCH] = true }

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
    part:because(is_other and {} or { cause.likely(MARCH, table.concat(said, ", ")) })
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
    cause.likely(OPTIONS, "position-independent code (-pie) on one side only"),
  } or nil)
  say("machine", a.machine, b.machine)
  say("flags", a.flags, b.flags)
  local ok, ours, theirs = pcall(function()
    return packaged.read(files[1]), packaged.read(files[2])
  end)
  if ok and ours and theirs then
    local is_static = (#ours.needed == 0) ~= (#theirs.needed == 0)
    local linked = is_static and { cause.likely(OPTIONS, "linked statically (-static) on one side only") }
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

--- What the linker was asked for on one side only.
local function compare_linked(top, a, b)
  local said = {}
  -- What is linked statically has none of it.
  if (a.by_name[".dynamic"] == nil) ~= (b.by_name[".dynamic"] == nil) then
    return
  end
  for _, pair in ipairs { { a.linked, b.linked, "yes → no" }, { b.linked, a.linked, "no → yes" } } do
    for _, option in ipairs(tables.names(pair[1])) do
      said[#said + 1] = not pair[2][option] and ("`%s` %s"):format(option, pair[3]) or nil
    end
  end
  if #said > 0 then
    top:fact("how it was linked: " .. table.concat(said, ", "))
    top:because { cause.likely(LINKER, table.concat(said, ", ")) }
  end
end

--- A guess by how many functions have another size: options change most of them, a change of the source a few.
local function guess_by_sizes(top, symbols)
  local said = ("%d of %d functions and objects have another size"):format(symbols.resized, symbols.count)
  if symbols.resized > 1 and 2 * symbols.resized >= symbols.count then
    top:because { cause.likely(OPTIONS, said .. ", by the same compiler: such as -O") }
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
  compare_linked(top, a, b)
  local symbols = symbols_of.compare(top, a, b)
  local parts, has_code, lonely = sections_of.compare(top, a, b)
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
  local is_of_code = false
  for _, one in ipairs(top:all_causes()) do
    is_of_code = is_of_code or OF_CODE[one.name] or false
  end
  for _, part in ipairs(top.nodes) do
    -- What follows from a known difference is not open itself: addresses, hashes, tables of names.
    part.open = part.open
      and not (known and (sections_of.is_derived(part) or part == symbols.part))
      and not (has_code and is_of_code and part.is_numbers)
  end
  if #top.facts == 0 and #top.nodes == 0 then
    top:fact "the files differ between or after their sections only"
    top.open = true
  end
  return true
end

return program
