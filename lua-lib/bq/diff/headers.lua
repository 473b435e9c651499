-- Reads what archives say of their members and unpacking loses: owners by name, forms of headers. Also reads archives of ar(1), which
-- hold the parts of static libraries, and of cpio. Formats: ustar (POSIX.1-2017, pax), ar (System V, with GNU's long names), cpio
-- newc (the kernel's buffer-format.rst).
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
      target = kind == "link" and content or nil,
      bytes = content,
    }
    at = begin + (size + 3) // 4 * 4
  end
  return nil
end

return headers
