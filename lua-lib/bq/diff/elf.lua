-- Sections and symbols of ELF files, for comparing two of them. What packages need to know of a file is read by `bq.elf`, whose text
-- is part of every step's key. Format: System V ABI, chapters 4 and 5. Only little-endian ELF-64 is read.
local elf = {}

---@class bq.diff.Section
---@field name string with `#2`, … if there are several of the name
---@field type integer
---@field flags integer
---@field address integer
---@field offset integer
---@field size integer
---@field link integer
---@field bytes string empty if the file has none of it

---@class bq.diff.Symbol
---@field name string
---@field value integer
---@field size integer
---@field kind integer
---@field section integer

---@class bq.diff.Elf
---@field type integer
---@field machine integer
---@field flags integer
---@field sections bq.diff.Section[]
---@field by_name table<string, bq.diff.Section>
---@field symbols bq.diff.Symbol[] of the full table
---@field dynamic bq.diff.Symbol[] of the dynamic one
---@field linked table<string, true> what the linker was asked for, as options of GNU ld

local MAGIC <const> = "\127ELF\2\1"
elf.NOBITS, elf.SYMTAB, elf.STRTAB, elf.DYNAMIC, elf.NOTE, elf.DYNSYM = 8, 2, 3, 6, 7, 11
--- Types of files.
elf.EXEC, elf.DYN = 2, 3
--- Flags of a section: it is in memory, it has code.
elf.ALLOC, elf.CODE = 2, 4
--- Kinds of symbols.
elf.OBJECT, elf.FUNCTION = 1, 2

local function text_at(bytes, at)
  return bytes:match("^[^%z]*", at + 1) or ""
end

--- The sections by number, from 0.
---@return table<integer, bq.diff.Section>
local function read_sections(bytes, at, size, count, names_at)
  local out = {}
  for index = 0, count - 1 do
    local name, kind, flags, address, offset, length, link = ("<I4I4I8I8I8I8I4"):unpack(bytes, at + index * size + 1)
    local content = kind ~= elf.NOBITS and kind ~= 0 and bytes:sub(offset + 1, offset + length) or ""
    out[index] = {
      name = name,
      type = kind,
      flags = flags,
      address = address,
      offset = offset,
      size = length,
      link = link,
      bytes = content,
    }
  end
  local names, seen = out[names_at] and out[names_at].bytes or "", {}
  for index = 0, count - 1 do
    local name = text_at(names, out[index].name)
    seen[name] = (seen[name] or 0) + 1
    out[index].name = seen[name] > 1 and ("%s#%d"):format(name, seen[name]) or name
  end
  return out
end

--- The symbols of the table of a type.
local function read_symbols(sections, kind)
  local table_of ---@type bq.diff.Section?
  for index = 0, #sections do
    table_of = sections[index] and sections[index].type == kind and sections[index] or table_of
  end
  local out = {}
  local names = table_of and sections[table_of.link] and sections[table_of.link].bytes or ""
  for at = 25, table_of and #table_of.bytes - 23 or 0, 24 do
    local name, info, section, value, size = ("<I4BxI2I8I8"):unpack(table_of.bytes, at)
    out[#out + 1] = { name = text_at(names, name), value = value, size = size, kind = info & 15, section = section }
  end
  return out
end

-- Tags of `.dynamic`, and types of segments. Source: System V ABI, chapter 5; the `DT_GNU_` and `PT_GNU_` of the LSB and binutils.
local SYMBOLIC <const>, TEXTREL <const>, BIND_NOW <const>, FLAGS <const>, FLAGS_1 <const> = 16, 22, 24, 30, 0x6FFFFFFB
local OPTIONS <const> = {
  [4] = "--hash-style=sysv",
  [0x6FFFFEF5] = "--hash-style=gnu",
  [15] = "--disable-new-dtags",
  [29] = "--enable-new-dtags",
  [36] = "-z pack-relative-relocs",
  [SYMBOLIC] = "-Bsymbolic",
  [TEXTREL] = "-z notext",
  [BIND_NOW] = "-z now",
}
-- Bits of the flags, with the tag that means the same.
local BITS <const> = {
  [FLAGS] = { [2] = SYMBOLIC, [4] = TEXTREL, [8] = BIND_NOW },
  [FLAGS_1] = { [1] = BIND_NOW },
}
local GNU_STACK <const>, GNU_RELRO <const>, EXECUTE <const> = 0x6474E551, 0x6474E552, 1

--- What the linker was asked for, as far as a file shows it.
local function read_linked(bytes, sections)
  local out = {}
  for _, section in ipairs(sections) do
    for at = 1, section.type == elf.DYNAMIC and #section.bytes - 15 or 0, 16 do
      local tag, value = ("<i8i8"):unpack(section.bytes, at)
      if tag == 0 then
        break
      end
      out[OPTIONS[tag] or ""] = true
      for bit, meant in pairs(BITS[tag] or {}) do
        out[value & bit ~= 0 and OPTIONS[meant] or ""] = true
      end
    end
  end
  local at, size, count = ("<I8"):unpack(bytes, 33), ("<I2I2"):unpack(bytes, 55)
  for index = 0, count - 1 do
    local kind, flags = ("<I4I4"):unpack(bytes, at + index * size + 1)
    out[kind == GNU_RELRO and "-z relro" or kind == GNU_STACK and flags & EXECUTE ~= 0 and "-z execstack" or ""] = true
  end
  out[""] = nil
  return out
end

local function read(bytes)
  local kind, machine = ("<I2I2"):unpack(bytes, 17)
  local section_at, flags, section_size, section_count, names_at = ("<I8I4xxxxxxI2I2I2"):unpack(bytes, 41)
  local sections = section_count > 0
      and section_size >= 64
      and read_sections(bytes, section_at, section_size, section_count, names_at)
    or {}
  local out = {
    type = kind,
    machine = machine,
    flags = flags,
    sections = {},
    by_name = {},
    symbols = {},
    dynamic = {},
    linked = {},
  }
  for index = 1, section_count - 1 do
    out.sections[index] = sections[index]
    out.by_name[sections[index].name] = sections[index]
  end
  out.linked = read_linked(bytes, out.sections)
  out.symbols, out.dynamic = read_symbols(sections, elf.SYMTAB), read_symbols(sections, elf.DYNSYM)
  return out
end

--- Reads an ELF file; `nil` if it is not one that can be read.
---@param bytes string
---@return bq.diff.Elf?
function elf.read(bytes)
  if bytes:sub(1, #MAGIC) ~= MAGIC or #bytes < 64 then
    return nil
  end
  -- A damaged file points outside of itself, and `unpack` raises.
  local ok, out = pcall(read, bytes)
  return ok and out or nil
end

--- The texts of a section: runs of printable characters in UTF-8, as strings(1) finds them; where that is damaged, only ASCII.
---@param bytes string
---@param least? integer the shortest, 4 if absent
---@return string[]
function elf.strings(bytes, least)
  local out = {}
  for run in bytes:gmatch "[\t\32-\126\xc2-\xf4\x80-\xbf]+" do
    if #run >= (least or 4) then
      for part in run:gmatch(utf8.len(run) and ".+" or "[\t\32-\126]+") do
        out[#out + 1] = #part >= (least or 4) and part or nil
      end
    end
  end
  return out
end

--- The descriptors of a section's notes, by name and type.
---@param bytes string
---@return table<string, string>
function elf.notes(bytes)
  local out, at = {}, 1
  while at + 12 <= #bytes do
    local name_size, size, kind = ("<I4I4I4"):unpack(bytes, at)
    local name = bytes:sub(at + 12, at + 11 + name_size):gsub("%z+$", "")
    at = at + 12 + (name_size + 3) // 4 * 4
    out[("%s %d"):format(name, kind)] = bytes:sub(at, at + size - 1)
    at = at + (size + 3) // 4 * 4
  end
  return out
end

return elf
