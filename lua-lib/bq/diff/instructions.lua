-- Which features of a processor the code of a program uses, so that two programs can be compared by them. x86-64: the lengths of
-- instructions by the opcode maps of Intel's manual, volume 2, appendix A. aarch64: classes of the Arm manual, chapter C4.
local instructions = {}

local X86 <const>, ARM <const> = 62, 183
-- How many bytes of code are looked at: the rest of a large program is as its beginning.
local MOST <const> = 4 << 20

local function set(ranges)
  local out = {}
  for first, last in ranges:gmatch "(%x+)%-?(%x*)" do
    for value = tonumber(first, 16), tonumber(last ~= "" and last or first, 16) do
      out[value] = true
    end
  end
  return out
end

-- The first map: opcodes with a ModRM byte, with an immediate of one byte, and with one of four (two after the prefix 66).
local MODRM <const> =
  set "0-3 8-B 10-13 18-1B 20-23 28-2B 30-33 38-3B 62-63 69 6B 80-8F C0-C1 C4-C7 D0-D3 D8-DF F6-F7 FE-FF"
local BYTE <const> = set "4 C 14 1C 24 2C 34 3C 6A 6B 70-7F 80 82 83 A8 B0-B7 C0 C1 C6 CD D4 D5 E0-E7 EB"
local FOUR <const> = set "5 D 15 1D 25 2D 35 3D 68 69 81 A9 C7 E8 E9"
local PREFIX <const> = set "26 2E 36 3E 64 65 66 67 F0 F2 F3"
-- The second map, after 0F: opcodes without a ModRM byte, and with an immediate of one byte.
local NO_MODRM_2 <const> = set "5-9 B E 30-37 77 80-8F A0-A2 A8-AA C8-CF"
local BYTE_2 <const> = set "70-73 A4 AC BA C2 C4-C6"
-- Opcodes of the maps 0F 38 and 0F 3A, by the feature that they came with.
local SSSE3 <const> = set "0-B 1C-1E"
local SSE41 <const> = set "10-17 20-2B 30-36 38-41"
local FMA <const> = set "96-9F A6-AF B6-BF"
local BMI <const> = set "F2 F3 F5-F7"
-- Integer operations of the first map of VEX: with 256 bits they are of AVX2.
local INTEGER <const> = set "60-6D 74-76 D1-D5 D8-E5 E8-EF F1-F6 F8-FE"

--- The length of a ModRM byte with all that belongs to it.
local function modrm_length(bytes, at)
  local modrm = bytes:byte(at) or 0
  local mod, rm, length = modrm >> 6, modrm & 7, 1
  if mod == 3 then
    return length
  end
  if rm == 4 then
    length = 2
    if mod == 0 and (bytes:byte(at + 1) or 0) & 7 == 5 then
      return length + 4
    end
  elseif mod == 0 and rm == 5 then
    return length + 4
  end
  return length + (mod == 1 and 1 or mod == 2 and 4 or 0)
end

--- The feature of an instruction after a VEX prefix.
local function of_vex(map, opcode, is_long)
  if map == 2 and BMI[opcode] or map == 3 and opcode == 0xF0 then
    return "BMI"
  elseif map == 2 and FMA[opcode] then
    return "FMA"
  elseif is_long and (map == 1 and INTEGER[opcode] or map == 2 and not (opcode >= 0x18 and opcode <= 0x1A)) then
    return "AVX2"
  end
  return "AVX"
end

--- The feature of an instruction of an older map, `nil` if every x86-64 processor has it.
local function of_old(map, opcode, has_66, has_f2, has_f3)
  if map == 2 then
    local is_repeated = has_f2 or has_f3
    return SSSE3[opcode] and "SSSE3"
      or SSE41[opcode] and "SSE4.1"
      or opcode == 0x37 and "SSE4.2"
      or opcode >= 0xDB and opcode <= 0xDF and "AES"
      or opcode >= 0xC8 and opcode <= 0xCD and "SHA"
      or opcode >= 0xF0 and opcode <= 0xF1 and (has_f2 and "SSE4.2" or "MOVBE")
      or opcode == 0xF6 and (has_66 or is_repeated) and "ADX"
      or nil
  elseif map == 3 then
    return opcode == 0x0F and "SSSE3"
      or opcode >= 0x60 and opcode <= 0x63 and "SSE4.2"
      or opcode == 0x44 and "PCLMUL"
      or opcode == 0xCC and "SHA"
      or opcode == 0xDF and "AES"
      or "SSE4.1"
  end
  return has_f3 and opcode == 0xB8 and "POPCNT"
    or has_f3 and opcode == 0xBD and "LZCNT"
    or (has_f3 or has_f2) and (opcode == 0x12 or opcode == 0x16) and "SSE3"
    or (has_66 or has_f2) and (opcode == 0x7C or opcode == 0x7D or opcode == 0xD0) and "SSE3"
    or nil
end

local function of_x86(bytes, count)
  local at, last = 1, math.min(#bytes, MOST)
  local function add(feature)
    if feature then
      count[feature] = (count[feature] or 0) + 1
    end
  end
  while at <= last do
    local byte = bytes:byte(at)
    local has_66, has_f2, has_f3, has_67, wide = false, false, false, false, false
    while PREFIX[byte] do
      has_66, has_f2 = has_66 or byte == 0x66, has_f2 or byte == 0xF2
      has_f3, has_67 = has_f3 or byte == 0xF3, has_67 or byte == 0x67
      at = at + 1
      byte = bytes:byte(at)
    end
    if byte and byte >= 0x40 and byte <= 0x4F then
      wide = byte & 8 ~= 0
      at = at + 1
      byte = bytes:byte(at)
    end
    if not byte then
      break
    elseif byte == 0xC5 or byte == 0xC4 or byte == 0x62 then
      local skip = byte == 0xC5 and 2 or byte == 0xC4 and 3 or 4
      local first = bytes:byte(at + 1) or 0
      local flags = bytes:byte(at + skip - 1) or 0
      local map = byte == 0xC5 and 1 or byte == 0xC4 and first & 31 or first & 7
      local opcode = bytes:byte(at + skip) or 0
      add(byte == 0x62 and "AVX-512" or of_vex(map, opcode, flags & 4 ~= 0))
      at = at + skip + 1
      if not (map == 1 and opcode == 0x77) then
        at = at + modrm_length(bytes, at)
      end
      at = at + ((map == 3 or map == 1 and BYTE_2[opcode]) and 1 or 0)
    elseif byte == 0x0F then
      local opcode, map = bytes:byte(at + 1) or 0, 1
      at = at + 2
      if opcode == 0x38 or opcode == 0x3A then
        map = opcode == 0x38 and 2 or 3
        opcode = bytes:byte(at) or 0
        at = at + 1
      end
      add(of_old(map, opcode, has_66, has_f2, has_f3))
      if map == 1 and opcode >= 0x80 and opcode <= 0x8F then
        at = at + 4
      elseif map > 1 or not NO_MODRM_2[opcode] then
        at = at + modrm_length(bytes, at)
      end
      at = at + ((map == 3 or map == 1 and BYTE_2[opcode]) and 1 or 0)
    else
      at = at + 1
      local is_test = (byte == 0xF6 or byte == 0xF7) and (bytes:byte(at) or 0) >> 3 & 7 < 2
      if MODRM[byte] then
        at = at + modrm_length(bytes, at)
      end
      local immediate = BYTE[byte] and 1 or FOUR[byte] and (has_66 and byte ~= 0xE8 and byte ~= 0xE9 and 2 or 4) or 0
      if byte >= 0xB8 and byte <= 0xBF then
        immediate = wide and 8 or has_66 and 2 or 4
      elseif byte >= 0xA0 and byte <= 0xA3 then
        immediate = has_67 and 4 or 8
      elseif is_test then
        immediate = byte == 0xF6 and 1 or has_66 and 2 or 4
      elseif byte == 0xC2 or byte == 0xCA then
        immediate = 2
      elseif byte == 0xC8 then
        immediate = 3
      end
      at = at + immediate
    end
  end
end

local function of_arm(bytes, count)
  for at = 1, math.min(#bytes, MOST) - 3, 4 do
    local word = ("<I4"):unpack(bytes, at)
    local feature = (word & 0x3F200C00 == 0x38200000 or word & 0x3FA07C00 == 0x08A07C00) and "LSE"
      or word >> 25 & 15 == 2 and "SVE"
      or word & 0x3FFFFC00 == 0x38BFC000 and "RCPC"
      or word & 0x7FE0F000 == 0x1AC04000 and "CRC32"
      or nil
    if feature then
      count[feature] = (count[feature] or 0) + 1
    end
  end
end

--- How many instructions of each feature some code has. Data between the instructions may be taken for some.
---@param machine integer as in the header of ELF
---@param bytes string
---@return table<string, integer>
function instructions.features(machine, bytes)
  local count = {}
  if machine == X86 then
    of_x86(bytes, count)
  elseif machine == ARM then
    of_arm(bytes, count)
  end
  return count
end

return instructions
