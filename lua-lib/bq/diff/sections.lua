-- Compares the sections of two ELF files: notes, texts and bytes of those that both have, and which are on one side only.
local bytes_of = require "bq.diff.bytes"
local cause = require "bq.diff.cause"
local elf = require "bq.diff.elf"
local hex = require "bq.hex"
local node = require "bq.diff.node"
local tables = require "bq.tables"
local text = require "bq.diff.text"

local sections = {}

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
local BUILD_ID <const> = "GNU 3"

local function matches(name, patterns)
  for _, pattern in ipairs(patterns) do
    if name:find(pattern) then
      return true
    end
  end
  return false
end

--- Whether a part follows from others, so that it has no cause of its own.
---@param part bq.diff.Node
---@return boolean
function sections.is_derived(part)
  return matches(part.name:gsub("^section ", ""), DERIVED)
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
    local has_texts = not sections.is_derived(part) or matches(one.name, TEXTS)
    if not sections.is_derived(part) and bytes_of.are_times(one.bytes, other.bytes) then
      bytes_of.compare(part, one.bytes, other.bytes)
    elseif has_texts and table.concat(ours, "\n") ~= table.concat(theirs, "\n") then
      text.compare_lists(part, ours, theirs, "strings")
    else
      part.is_numbers = true
      if #one.bytes == #other.bytes then
        bytes_of.compare(part, one.bytes, other.bytes, sections.is_derived(part))
      else
        part.open = true
      end
    end
  end
  return part
end

--- Sections that have another name in the other file, if what the names differ in has a cause: compilers put random parts in.
--- They are taken out of the lists of those that are on one side only.
---@param top bq.diff.Node
---@param only string[][] changed
---@return table<string, string>
local function pair_names(top, only)
  local gone, new, out, causes = only[1], only[2], {}, {}
  for index = 1, #gone == #new and #gone or 0 do
    local found = cause.of(gone[index], new[index])
    if #found == 0 then
      return {}
    end
    out[gone[index]] = new[index]
    cause.add(causes, found)
  end
  if next(out) then
    top:fact(("%d sections have another name: %s → %s"):format(#gone, gone[1], new[1]))
    top:because(causes)
    only[1], only[2] = {}, {}
  end
  return out
end

--- Compares all sections. Returns the nodes of those that differ, whether code does, and how many are on one side only.
---@param top bq.diff.Node changed
---@param a bq.diff.Elf
---@param b bq.diff.Elf
---@return bq.diff.Node[] parts
---@return boolean has_code
---@return integer lonely
function sections.compare(top, a, b)
  local only, has_code, parts, is_stripped = { {}, {} }, false, {}, false
  for index, pair in ipairs { { a, b }, { b, a } } do
    for _, section in ipairs(pair[1].sections) do
      if not pair[2].by_name[section.name] then
        table.insert(only[index], section.name)
        is_stripped = is_stripped or section.name == ".symtab" or section.name == ".debug_info"
      end
    end
  end
  local renamed = pair_names(top, only)
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
    local other = b.by_name[renamed[section.name] or section.name]
    local differs = other and (other.bytes ~= section.bytes or other.size ~= section.size)
    if differs and section.type ~= elf.SYMTAB and section.type ~= elf.DYNSYM then
      parts[#parts + 1] = compare_section(section, other)
      has_code = has_code or section.flags & elf.CODE ~= 0
    end
  end
  return parts, has_code, lonely
end

return sections
