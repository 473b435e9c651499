-- One EFI program of several files: a stub, a kernel, the command line and the first root, as sections of the stub's own file. This
-- is a unified kernel image: https://uapi-group.org/specifications/specs/unified_kernel_image/. The format of the file is
-- Microsoft's "PE Format".
local fail = require "bq.fail"

local efi = {}

-- The machines of PE headers.
local MACHINES <const> = { [0x8664] = "x86_64", [0xaa64] = "aarch64" }
local PE32_PLUS <const> = 0x20b
local SECTION <const> = 40
-- Of a section: initialised data that can be read.
local READABLE <const> = 0x40000040
-- Offsets in the optional header: sizes of the data, the image and the headers; alignments; the checksum; the signature.
local AT <const> = { data = 8, section = 32, file = 36, image = 56, headers = 60, checksum = 64, certificates = 144 }
local MAX <const> = 0xffffffff

local function align(bytes, to)
  return (bytes + to - 1) // to * to
end

--- Where the headers of a program are; `nil` if it is no EFI program.
---@param text string its first 4 KiB or more
---@return { arch: string?, header: integer, optional: integer, sections: integer, count: integer }?
local function headers(text)
  if text:sub(1, 2) ~= "MZ" or #text < 64 then
    return nil
  end
  local header = ("<I4"):unpack(text, 61)
  if header > #text - 264 or text:sub(header + 1, header + 4) ~= "PE\0\0" then
    return nil
  end
  local machine, count, size = ("<I2I2"):unpack(text, header + 5)
  size = ("<I2"):unpack(text, header + 21)
  local optional = header + 24
  if ("<I2"):unpack(text, optional + 1) ~= PE32_PLUS or size < 152 or optional + size + count * SECTION > #text then
    return nil
  end
  return { arch = MACHINES[machine], header = header, optional = optional, sections = optional + size, count = count }
end

--- The architecture of an EFI program; `nil` if it is none, or of another kind.
---@param path string
---@return string?
function efi.architecture(path)
  local file <close> = assert(io.open(path, "rb"))
  local found = headers(file:read(4096) or "")
  return found and found.arch
end

--- The names, places and sizes of the sections of a program.
---@param text string
---@return { name: string, address: integer, size: integer, offset: integer, length: integer }[]
function efi.sections(text)
  local found = headers(text) or fail.raise "this is no EFI program"
  local out = {}
  for index = 1, found.count do
    local at = found.sections + (index - 1) * SECTION
    local size, address, length, offset = ("<I4I4I4I4"):unpack(text, at + 9)
    out[index] = {
      name = text:sub(at + 1, at + 8):match "^[^\0]*",
      address = address,
      size = size,
      offset = offset,
      length = length,
    }
  end
  return out
end

--- Adds sections to a program. Raises if it has no room for their headers, or they are too large together.
---@param stub string
---@param more { name: string, data: string }[]
---@return string program
function efi.add(stub, more)
  local found = headers(stub) or fail.raise "the stub is no EFI program"
  local function number(at)
    return (("<I4"):unpack(stub, found.optional + at + 1))
  end
  local section, file, room = number(AT.section), number(AT.file), number(AT.headers)
  local old = efi.sections(stub)
  if found.sections + (found.count + #more) * SECTION > room or (old[1] and old[1].offset < room) then
    fail.raise "the stub has no room for the headers of more sections"
  elseif number(AT.certificates + 4) ~= 0 then
    fail.raise("the stub is signed", { cause = "what is added would break its signature" })
  end
  local address, body, table_of, data =
    number(AT.headers), { stub, ("\0"):rep(align(#stub, file) - #stub) }, {}, number(AT.data)
  for _, one in ipairs(old) do
    address = math.max(address, one.address + one.size)
  end
  local offset = align(#stub, file)
  for _, one in ipairs(more) do
    local length = align(#one.data, file)
    address = align(address, section)
    if address + #one.data > MAX or offset + length > MAX then
      fail.raise("the program would have more than 4 GiB", { cause = "no EFI program can be larger" })
    end
    table_of[#table_of + 1] = ("<c8I4I4I4I4I4I4I2I2I4"):pack(
      one.name,
      #one.data,
      address,
      length,
      offset,
      0,
      0,
      0,
      0,
      READABLE
    )
    body[#body + 1], body[#body + 2] = one.data, ("\0"):rep(length - #one.data)
    address, offset, data = address + #one.data, offset + length, data + length
  end
  local head = stub:sub(1, room)
  local function put(at, text)
    head = head:sub(1, at) .. text .. head:sub(at + #text + 1)
  end
  put(found.header + 6, ("<I2"):pack(found.count + #more))
  put(found.optional + AT.data, ("<I4"):pack(data & MAX))
  put(found.optional + AT.image, ("<I4"):pack(align(address, section)))
  put(found.optional + AT.checksum, ("<I4"):pack(0))
  put(found.sections + found.count * SECTION, table.concat(table_of))
  body[1] = head .. stub:sub(room + 1)
  return table.concat(body)
end

---@class bq.image.Program
---@field arch string
---@field stub string the bytes of the stub, and so are the next ones
---@field kernel string
---@field initrd? string
---@field os_release? string
---@field command_line? string

--- A unified kernel image. Raises if stub and kernel are not EFI programs of the architecture.
---@param options bq.image.Program
---@return string
function efi.program(options)
  for _, name in ipairs { "stub", "kernel" } do
    local found = headers(options[name])
    if not found or found.arch ~= options.arch then
      fail.raise(("the %s is no EFI program for %s"):format(name, options.arch))
    end
  end
  local more = {}
  -- The specification's names. The kernel comes last.
  for _, one in ipairs {
    { name = ".osrel", data = options.os_release },
    { name = ".cmdline", data = options.command_line },
    { name = ".initrd", data = options.initrd },
    { name = ".linux", data = options.kernel },
  } do
    more[#more + 1] = one.data and one or nil
  end
  return efi.add(options.stub, more)
end

return efi
