-- The archive reader: nothing outside of the target is touched, a refusal leaves nothing, and what is listed is unpacked.
local archive = require "bq.archive"
local digest = require "bq.digest"
local fs = require "bq.fs"
local syscall = require "bq.syscall"

-- stylua: ignore
local target = {
  words = {
    "../", "/", "./", "..", "\0", "ustar\0" .. "00", "ustar  \0", "0000644\0", "0007777\0", "00000000000\0", "77777777777\0", "\x80\0\0\0\0\0\0\1\0\0\0\0",
    "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "12 path=a\n", "30 linkpath=../../outside/file\n", "20 size=1000000000\n", "11 size=-1\n",
    "18 GNU.sparse.map=\n", "22 GNU.sparse.major=1\n", "22 GNU.sparse.minor=0\n", "28 GNU.sparse.realsize=9999\n", "L", "K", "x", "g", "1", "2", "3", "5", "6", "S",
    "outside/file", "../outside/file", "link/file", "PK\1\2", "PK\3\4", "PK\5\6", "LZIP\1\20", "]\0\0\128\0",
  },
}

local BLOCK <const> = 512

local function octal(number, width)
  return ("%0" .. (width - 1) .. "o\0"):format(number)
end

--- A header block.
local function header(name, kind, size, link, mode)
  local text = name:sub(1, 100)
    .. ("\0"):rep(100 - math.min(#name, 100))
    .. octal(mode or tonumber(kind == "5" and "755" or "644", 8), 8)
    .. octal(0, 8)
    .. octal(0, 8)
    .. octal(size, 12)
    .. octal(1, 12)
    .. (" "):rep(8)
    .. kind
    .. (link or "")
    .. ("\0"):rep(100 - #(link or ""))
    .. "ustar\0"
    .. "00"
  return text .. ("\0"):rep(BLOCK - #text)
end

local function entry(name, kind, content, link, mode)
  content = content or ""
  return header(name, kind, #content, link, mode) .. content .. ("\0"):rep(-#content % BLOCK)
end

local function record(key, value)
  local length = #key + #value + 3
  length = length + #tostring(length + #tostring(length))
  return ("%d %s=%s\n"):format(length, key, value)
end

local function crc32(text)
  local sum = 0xffffffff
  for _, byte in ipairs { text:byte(1, -1) } do
    sum = sum ~ byte
    for _ = 1, 8 do
      sum = sum & 1 == 1 and sum >> 1 ~ 0xedb88320 or sum >> 1
    end
  end
  return sum ~ 0xffffffff
end

--- A zip of stored files; each is a name, a Unix mode with its type, and a content.
local function zip(files)
  local out, directory = "", ""
  for _, file in ipairs(files) do
    local name, mode, content = table.unpack(file)
    local rest = ("<I2I2I2I2I2I4I4I4I2I2"):pack(20, 0, 0, 0, 33, crc32(content), #content, #content, #name, 0)
    directory = directory
      .. "PK\1\2"
      .. ("<I2"):pack(0x314)
      .. rest
      .. ("<I2I2I2I4I4"):pack(0, 0, 0, mode << 16, #out)
      .. name
    out = out .. "PK\3\4" .. rest .. name .. content
  end
  return out .. directory .. "PK\5\6" .. ("<I2I2I2I2I4I4I2"):pack(0, 0, #files, #files, #directory, #out, 0)
end

--- The checksums of all headers made right, wherever blocks look like some.
function target.mend(text)
  local out, at = {}, 1
  while at <= #text do
    local block = text:sub(at, at + BLOCK - 1)
    at = at + BLOCK
    if #block == BLOCK and block:sub(258, 262) == "ustar" then
      local plain, sum = block:sub(1, 148) .. (" "):rep(8) .. block:sub(157), 0
      for index = 1, BLOCK, 64 do
        for _, byte in ipairs { plain:byte(index, index + 63) } do
          sum = sum + byte
        end
      end
      block = block:sub(1, 148) .. ("%06o\0 "):format(sum) .. block:sub(157)
      -- The content is passed over, as far as its size tells.
      local size = tonumber(block:sub(125, 135):match "^[0-7]+" or "0", 8)
      out[#out + 1] = block
      if size <= #text then
        local content = size + -size % BLOCK
        out[#out + 1] = text:sub(at, at + content - 1)
        at = at + content
      end
    else
      out[#out + 1] = block
    end
  end
  return table.concat(out)
end

local function seeds()
  local fin = ("\0"):rep(2 * BLOCK)
  local list = {
    entry("a/", "5")
      .. entry("a/f", "0", "hello")
      .. entry("a/l", "2", nil, "f")
      .. entry("a/h", "1", nil, "a/f")
      .. fin,
    entry("d/", "5") .. entry("link", "2", nil, "../outside") .. entry("link/file", "0", "evil") .. fin,
    entry("x", "x", record("path", ("n"):rep(300)) .. record("size", "5") .. record("mtime", "1.5"))
      .. entry("short", "0", "hello")
      .. fin,
    entry("././@LongLink", "L", ("p/"):rep(80) .. "end\0") .. entry("short", "0", "x") .. fin,
    entry("././@LongLink", "K", ("../"):rep(60) .. "outside/file\0") .. entry("s", "2", nil, "short") .. fin,
    entry("g", "g", record("comment", "x")) .. entry("f", "0", ("x"):rep(1500)) .. fin,
    entry("set", "0", "x", nil, tonumber("6755", 8)) .. entry("fifo", "6") .. entry("null", "3") .. fin,
    entry(
      "p",
      "x",
      record("GNU.sparse.major", "1")
        .. record("GNU.sparse.minor", "0")
        .. record("GNU.sparse.name", "sparse")
        .. record("GNU.sparse.realsize", "4096")
    ) .. entry("GNUSparseFile.0/sparse", "0", "2\n0\n512\n4096\n0\n" .. ("\0"):rep(497) .. ("y"):rep(512)) .. fin,
  }
  for index, text in ipairs(list) do
    list[index] = target.mend(text)
  end
  list[#list + 1] = zip {
    { "a/", 16877, "" },
    { "a/f", 33188, "hello" },
    { "a/l", 41471, "f" },
    { "run", 33261, ("x"):rep(900) },
  }
  list[#list + 1] = zip { { "link", 41471, "../outside" }, { "link/file", 33188, "evil" }, { "../evil", 33188, "x" } }
  return list
end

function target.seeds()
  local list = seeds()
  fs.mkdir "plain/sub"
  fs.write("plain/sub/f", ("text "):rep(50))
  fs.symlink("f", "plain/sub/l")
  for _, compression in ipairs { "gzip", "zstd" } do
    archive.pack { output = "seed", sources = { { path = "plain" } }, compression = compression }
    list[#list + 1] = fs.read "seed"
  end
  return list
end

function target.prepare()
  fs.mkdir "outside"
  fs.write("outside/file", "mine")
end

local function is_own(err)
  return type(err) == "table" and type(err.code) == "string" and err.code ~= "argument" and err.code ~= "lua"
end

local CHOICES = {
  {},
  { profile = "rootfs", setid = true, devices = "skip" },
  { strip = 1, mtime = 5 },
  { include = { "a/*", "link" } },
}

function target.try(_, path)
  local listed, members = pcall(archive.list, path)
  assert(listed or is_own(members), members)
  for index, choice in ipairs(CHOICES) do
    local wanted = { path = path, target = "out", max_bytes = 1 << 24, max_entries = 1000 }
    for key, value in pairs(choice) do
      wanted[key] = value
    end
    local ok, err = pcall(archive.extract, wanted)
    if ok then
      assert(listed or index ~= 1, "unpacked, but not listed")
      local read, why = pcall(digest.tree, "out")
      -- An ordinary user's own files, of a mode by which nobody may read them.
      assert(read or why.code == "EACCES" and syscall.geteuid() ~= 0, why)
      fs.remove_all "out"
    else
      assert(is_own(err), err)
      assert(not fs.lstat "out", "something is left after a refusal")
    end
  end
  assert(
    fs.read "outside/file" == "mine" and fs.stat("outside/file").mode == tonumber("644", 8),
    "something outside was changed"
  )
  assert(#fs.list "outside" == 1, "something outside was made")
  for _, name in ipairs(fs.list ".") do
    assert(({ input = 1, seed = 1, outside = 1, plain = 1, result = 1 })[name], name .. " was left")
  end
  if listed and members[1] then
    local ok, err = pcall(archive.read, path, members[1].path)
    assert(ok or is_own(err) or err.code == "argument", err)
  end
end

return target
