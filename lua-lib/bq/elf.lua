-- Reads the parts of an ELF file that matter for packages: its machine, its interpreter, its rpath and the libraries
-- that it needs. Only little-endian ELF-64 is read.
local elf = {}

---@class bq.Elf
---@field machine string|integer `x86_64`, `aarch64`, or the number in the header
---@field kind "rel"|"exec"|"dyn"|"other"
---@field interpreter? string
---@field needed string[] names of libraries
---@field soname? string
---@field paths string[] where it looks for libraries: DT_RPATH and DT_RUNPATH, at their colons
---@field size integer bytes that its headers account for: what comes after them is not ELF's

local MAGIC <const> = "\127ELF\2\1"
local MACHINES <const> = { [62] = "x86_64", [183] = "aarch64" }

--- The number of an architecture in the header of an ELF file (`e_machine`).
---@type table<string, integer>
elf.NUMBERS = {}
for number, name in pairs(MACHINES) do
  elf.NUMBERS[name] = number
end

local KINDS <const> = { [1] = "rel", [2] = "exec", [3] = "dyn" }
local LOAD <const>, DYNAMIC <const>, INTERP <const> = 1, 2, 3
local NOBITS <const> = 8
local TAGS <const> = { [1] = "needed", [14] = "soname", [15] = "paths", [29] = "paths" }
local STRTAB <const>, STRSZ <const> = 5, 10
-- More than any real file has. Larger tables are not read.
local MAX_TABLE <const> = 64 << 20

local function read_at(file, at, size)
  if at < 0 or size < 0 or size > MAX_TABLE or not file:seek("set", at) then
    return nil
  end
  local bytes = size == 0 and "" or file:read(size)
  return bytes and #bytes == size and bytes or nil
end

--- The program headers: the place of each segment in the file and in memory.
local function segments(file, at, size, count)
  local bytes, out = size >= 56 and read_at(file, at, size * count), {}
  for index = 0, bytes and count - 1 or -1 do
    local kind, _, offset, address, _, length = ("<I4I4i8i8i8i8"):unpack(bytes, index * size + 1)
    out[#out + 1] = { kind = kind, offset = offset, address = address, length = length }
  end
  return bytes and out
end

local function section_ends(file, at, size, count)
  local last = count > 0 and at + size * count or 0
  local bytes = count > 0 and size >= 64 and read_at(file, at, size * count)
  for index = 0, bytes and count - 1 or -1 do
    local kind, offset, length = ("<xxxxI4xxxxxxxxxxxxxxxxi8i8"):unpack(bytes, index * size + 1)
    last = kind ~= NOBITS and math.max(last, offset + length) or last
  end
  return (count == 0 or bytes) and last
end

--- The file offset of an address in memory.
local function offset_of(parts, address)
  for _, part in ipairs(parts) do
    if part.kind == LOAD and address >= part.address and address < part.address + part.length then
      return part.offset + address - part.address
    end
  end
end

local function read_dynamic(file, parts, part, out)
  ---@type string?, { what: string, at: integer }[], integer?, integer?
  local bytes, entries, strings, size = read_at(file, part.offset, part.length), {}, nil, nil
  for at = 1, bytes and #bytes - 15 or 0, 16 do
    local tag, value = ("<i8i8"):unpack(bytes, at)
    if tag == 0 then
      break
    elseif tag == STRTAB then
      strings = offset_of(parts, value)
    elseif tag == STRSZ then
      size = value
    elseif TAGS[tag] then
      entries[#entries + 1] = { what = TAGS[tag], at = value }
    end
  end
  local texts = strings and size and read_at(file, strings, size)
  for _, entry in ipairs(texts and entries or {}) do
    local text = entry.at >= 0 and texts:match("^[^\0]*", entry.at + 1) or ""
    if entry.what == "needed" then
      out.needed[#out.needed + 1] = text
    elseif entry.what == "soname" then
      out.soname = text
    else
      for path in text:gmatch "[^:]+" do
        out.paths[#out.paths + 1] = path
      end
    end
  end
end

--- Reads an ELF file; `nil` if it is not one, or is malformed.
---@param path string
---@return bq.Elf?
function elf.read(path)
  local file <close> = assert(io.open(path, "rb"))
  local header = file:read(64)
  if not header or #header < 64 or header:sub(1, #MAGIC) ~= MAGIC then
    return nil
  end
  -- stylua: ignore
  local kind, machine, program_at, section_at, program_size, program_count, section_size, section_count =
    ("<I2I2xxxxxxxxxxxxi8i8xxxxxxI2I2I2I2"):unpack(header, 17)
  local parts = segments(file, program_at, program_size, program_count)
  local last = section_ends(file, section_at, section_size, section_count)
  if program_count > 0 and not parts or not last then
    return nil
  end
  local out =
    { size = 0, machine = MACHINES[machine] or machine, kind = KINDS[kind] or "other", needed = {}, paths = {} }
  out.size = math.max(64, last, program_count > 0 and program_at + program_size * program_count or 0)
  for _, part in ipairs(parts or {}) do
    out.size = math.max(out.size, part.offset + part.length)
    if part.kind == INTERP then
      out.interpreter = (read_at(file, part.offset, part.length) or ""):match "^[^\0]*"
    elseif part.kind == DYNAMIC then
      read_dynamic(file, parts, part, out)
    end
  end
  return out
end

--- The machine of an ELF file, from its first 20 bytes; `nil` if it is not one.
---@param bytes string
---@return string|integer|nil machine
---@return string? kind
function elf.machine(bytes)
  if #bytes < 20 or bytes:sub(1, #MAGIC) ~= MAGIC then
    return nil
  end
  local kind, machine = ("<I2I2"):unpack(bytes, 17)
  return MACHINES[machine] or machine, KINDS[kind] or "other"
end

return elf
