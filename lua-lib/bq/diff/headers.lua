-- Reads what archives say of their members and unpacking loses: owners by name, forms of headers. Also reads archives of ar(1), which
-- hold the parts of static libraries, and of cpio. Formats: ustar (POSIX.1-2017, pax), ar (System V, with GNU's long names), cpio
-- newc (the kernel's buffer-format.rst), zip (PKWARE's APPNOTE, and Info-ZIP's extrafld.txt).
local headers = {}

local BLOCK <const> = 512

local function octal(text)
  return tonumber(text:match "[0-7]+" or "", 8)
end

--- The members of a plain tar, as far as their headers tell.
---@param bytes string
---@return table<integer, { uname: string, gname: string, form: string, time?: string }> time: as pax says it, with parts of seconds
function headers.tar(bytes)
  local out, at, form, time = {}, 1, "", nil
  while at + BLOCK - 1 <= #bytes do
    local header = bytes:sub(at, at + BLOCK - 1)
    if header:find "^%z" then
      break
    end
    local kind, size = header:sub(157, 157), octal(header:sub(125, 136)) or 0
    local magic = header:sub(258, 264)
    local is_more = kind == "x" or kind == "g" or kind == "L" or kind == "K"
    if is_more then
      form = form .. kind
      time = kind == "x" and bytes:sub(at + BLOCK, at + BLOCK + size - 1):match "%d mtime=([%d.]+)\n" or time
    else
      local word = magic == "ustar  " and "GNU" or magic:find "^ustar%z" and "ustar" or "old"
      out[#out + 1] = {
        uname = header:match("^[^%z]*", 266),
        gname = header:match("^[^%z]*", 298),
        time = time,
        form = form ~= "" and ("%s with %s"):format(word, form) or word,
      }
      form, time = "", nil
    end
    at = at + BLOCK + (size + BLOCK - 1) // BLOCK * BLOCK
  end
  return out
end

--- The fields that Info-ZIP adds to a member: all its times, and its owner.
local function extra_fields(bytes, out)
  local at, names = 1, {}
  while at + 3 <= #bytes do
    local id, size = ("<I2I2"):unpack(bytes, at)
    local content = bytes:sub(at + 4, at + 3 + size)
    names[#names + 1] = ("%04x"):format(id)
    if id == 0x5455 and #content >= 5 then
      local parts = {}
      for place = 2, #content - 3, 4 do
        parts[#parts + 1] = tostring((("<I4"):unpack(content, place)))
      end
      out.stamps = table.concat(parts, " ")
    elseif id == 0x7875 and #content >= 3 then
      local uid_size = content:byte(2)
      local gid_size = content:byte(3 + uid_size)
      if uid_size <= 8 and gid_size and gid_size <= 8 and #content >= 3 + uid_size + gid_size then
        out.uid, out.gid = ("<I" .. uid_size):unpack(content, 3), ("<I" .. gid_size):unpack(content, 4 + uid_size)
      end
    end
    at = at + 4 + size
  end
  return names
end

--- What a zip's headers say of its members, by path. Raises if it is damaged.
---@param bytes string
---@return table<string, { form: string, stamps?: string, uid?: integer, gid?: integer }> stamps: all times, as seconds since 1970
function headers.zip(bytes)
  local out, at = {}, bytes:find "PK\1\2"
  while at and bytes:find("^PK\1\2", at) do
    local made, system, needed, flags, method = ("<BBI2I2I2"):unpack(bytes, at + 4)
    local name_size, extra_size, comment_size, place = ("<I2I2I2xxxxxxxxI4"):unpack(bytes, at + 28)
    local name = bytes:sub(at + 46, at + 45 + name_size)
    local local_name, local_extra = ("<I2I2"):unpack(bytes, place + 27)
    local one = {}
    local extra = bytes:sub(place + 31 + local_name, place + 30 + local_name + local_extra)
    local names = table.concat(extra_fields(extra, one), " ")
    one.form = ("version %d of system %d, needs %d, flags %d, method %d, fields %s"):format(
      made,
      system,
      needed,
      flags,
      method,
      names == "" and "none" or names
    )
    out[name:gsub("/$", "")] = one
    at = at + 46 + name_size + extra_size + comment_size
  end
  return out
end

---@class bq.diff.Member: bq.diff.Entry
---@field bytes string

--- The members of an archive of ar(1); `nil` if it is damaged.
---@param bytes string
---@return bq.diff.Member[]?
function headers.ar(bytes)
  local out, at, names = {}, 9, ""
  while at + 59 <= #bytes do
    local name = bytes:sub(at, at + 15):gsub(" +$", "")
    local size = tonumber(bytes:sub(at + 48, at + 57):match "%d+" or "")
    if not size or bytes:sub(at + 58, at + 59) ~= "`\n" then
      return nil
    end
    local content = bytes:sub(at + 60, at + 59 + size)
    local long = name:match "^/(%d+)$"
    if name == "//" then
      names = content
    else
      name = long and names:match("^[^/\n]*", long + 1)
        or name ~= "/" and name ~= "/SYM64/" and name:gsub("/$", "")
        or "symbol table"
      out[#out + 1] = {
        path = name,
        type = "file",
        follows = name == "symbol table",
        size = #content,
        mode = octal(bytes:sub(at + 40, at + 47)),
        mtime = tonumber(bytes:sub(at + 16, at + 27):match "%d+" or ""),
        uid = tonumber(bytes:sub(at + 28, at + 33):match "%d+" or ""),
        gid = tonumber(bytes:sub(at + 34, at + 39):match "%d+" or ""),
        bytes = content,
      }
    end
    at = at + 60 + size + size % 2
  end
  return out
end

local TYPES <const> =
  { [4] = "dir", [8] = "file", [10] = "link", [2] = "char", [6] = "block", [1] = "fifo", [12] = "socket" }

--- The members of a cpio; `nil` if it is damaged.
---@param bytes string
---@return bq.diff.Member[]?
function headers.cpio(bytes)
  local out, at = {}, 1
  while at + 109 <= #bytes do
    if not bytes:find("^07070[12]", at) then
      return nil
    end
    local function field(index)
      return tonumber(bytes:sub(at + 6 + index * 8, at + 13 + index * 8), 16) or 0
    end
    local mode, size, name_size = field(1), field(6), field(11)
    local name = bytes:sub(at + 110, at + 108 + name_size)
    local begin = at + (110 + name_size + 3) // 4 * 4
    if name == "TRAILER!!!" then
      return out
    end
    local content, kind = bytes:sub(begin, begin + size - 1), TYPES[mode >> 12] or "unknown"
    out[#out + 1] = {
      path = name:gsub("^%./", ""),
      type = kind,
      size = size,
      mode = mode & 4095,
      uid = field(2),
      gid = field(3),
      mtime = field(5),
      place = ("inode %d of device %d:%d, %d links"):format(field(0), field(7), field(8), field(4)),
      target = kind == "link" and content or nil,
      bytes = content,
    }
    at = begin + (size + 3) // 4 * 4
  end
  return nil
end

return headers
