-- Looks into two files that differ: what kind they are, and how they differ by that.
local archive = require "bq.archive"
local archives = require "bq.diff.archives"
local bytes_of = require "bq.diff.bytes"
local cause = require "bq.diff.cause"
local disks = require "bq.diff.disks"
local elf = require "bq.diff.elf"
local entries = require "bq.diff.entries"
local fs = require "bq.fs"
local headers = require "bq.diff.headers"
local node = require "bq.diff.node"
local program = require "bq.diff.program"
local side = require "bq.diff.side"
local text = require "bq.diff.text"

local look = {}

-- Larger files are not looked into.
local MOST <const> = 512 << 20
-- How deep archives are looked into.
local DEEPEST <const> = 8

local function read_head(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read(1024) or ""
end

--- Kinds with the pattern of their first bytes.
---@type [string, string][]
local KINDS <const> = {
  { "elf", "^\127ELF" },
  { "ar", "^!<arch>\n" },
  { "zip", "^PK[\3\5][\4\6]" },
  { "cpio", "^07070[12]" },
  { "gzip", "^\31\139" },
  { "xz", "^\2537zXZ\0" },
  { "bzip2", "^BZh%d" },
  { "zstd", "^%\x28\xb5\x2f\xfd" },
  { "lzip", "^LZIP" },
  { "tar", "^" .. ("."):rep(257) .. "ustar" },
}
local COMPRESSED <const> = { gzip = true, xz = true, bzip2 = true, zstd = true, lzip = true }

--- What kind of file it is, by its first bytes.
---@param path string
---@return string
function look.kind(path)
  local head = read_head(path)
  for _, one in ipairs(KINDS) do
    if head:find(one[2]) then
      return one[1]
    end
  end
  return text.is(head) and "text" or "bytes"
end

--- The header of gzip: RFC 1952, 2.3.
local function compare_gzip(top, a, b)
  local function header(path)
    local head = read_head(path)
    local _, _, flags, time, extra, system = ("<I2BBI4BB"):unpack(head)
    local name = flags & 8 ~= 0 and flags & 4 == 0 and head:match("^[^%z]*", 11) or ""
    return { time = time, extra = extra, system = system, name = name }
  end
  local ours, theirs = header(a), header(b)
  if ours.time ~= theirs.time then
    local said = ("%s → %s"):format(cause.date(ours.time), cause.date(theirs.time))
    top:fact("the time in the header of gzip: " .. said)
    top:because { cause.sure("a time", "the header of gzip: " .. said) }
  end
  if ours.name ~= theirs.name then
    top:fact(("the name in the header of gzip: %s → %s"):format(ours.name, theirs.name))
    top:because { cause.sure("a path", "the name of the file in the header of gzip") }
  end
  if ours.extra ~= theirs.extra or ours.system ~= theirs.system then
    top:fact(
      ("level and system in the header of gzip: %d, %d → %d, %d"):format(
        ours.extra,
        ours.system,
        theirs.extra,
        theirs.system
      )
    )
  end
end

local compare

local function compare_listings(session, top, ours, theirs, depth)
  entries.compare(top, ours, theirs, function(one, from, to)
    compare(session, one, from, to, depth + 1)
  end, true)
end

local function compare_archives(session, top, a, b, depth)
  local ok, err = pcall(function()
    compare_listings(session, top, archives.unpack(session, a), archives.unpack(session, b), depth)
  end)
  if not ok then
    top:fact("it cannot be unpacked: " .. tostring(err))
    top.open = true
  end
end

local function compare_compressed(session, top, a, b, kinds, depth)
  if kinds[1] == "gzip" and kinds[2] == "gzip" then
    compare_gzip(top, a, b)
  end
  local inner = node.new "its content"
  if pcall(archive.list, a) and pcall(archive.list, b) then
    inner.name = "the archive in it"
    compare_archives(session, inner, a, b, depth)
  else
    local ok, ours, theirs = pcall(function()
      return archive.decompress(a, { max_bytes = MOST }), archive.decompress(b, { max_bytes = MOST })
    end)
    if not ok then
      top:fact("it cannot be decompressed: " .. tostring(ours))
      top.open = true
      return
    elseif ours ~= theirs then
      local one, other = session:file(ours), session:file(theirs)
      compare(session, inner, one, other, depth + 1)
      fs.remove(one)
      fs.remove(other)
    end
  end
  if not inner:is_empty() then
    top:add(inner)
  elseif #top.causes == 0 then
    top:fact "what is compressed is the same"
    top:because(kinds[1] ~= kinds[2] and {} or {
      cause.likely("the level or the version of a compressor", "the same content, compressed in another way"),
    })
  end
end

local function read_both(a, b)
  return fs.read(a), fs.read(b)
end

local function compare_members(session, top, a, b, read, depth)
  local ours, theirs = read_both(a, b)
  local from, to = read(ours), read(theirs)
  if not from or not to then
    top:fact "it is damaged"
    top.open = true
    return
  end
  compare_listings(session, top, archives.of_members(session, from), archives.of_members(session, to), depth)
end

--- Two disks or file systems, as other files have them in them. Returns whether they are.
local function compare_disks(session, top, a, b, depth)
  local ours, theirs = side.disk(a), side.disk(b)
  if not ours or not theirs then
    return false
  end
  local ok, err = pcall(function()
    disks.compare(session, top, { name = a, disk = ours }, { name = b, disk = theirs }, function(one, from, to)
      compare(session, one, from, to, depth + 1)
    end)
  end)
  if not ok then
    top:fact("it cannot be read: " .. tostring(err))
    top.open = true
  end
  return true
end

local function compare_bytes(top, ours, theirs)
  local a, b = elf.strings(ours, 6), elf.strings(theirs, 6)
  if bytes_of.are_times(ours, theirs) then
    bytes_of.compare(top, ours, theirs)
  elseif table.concat(a, "\n") ~= table.concat(b, "\n") then
    text.compare_lists(top, a, b, "strings")
  elseif #ours == #theirs then
    bytes_of.compare(top, ours, theirs)
  else
    top.open = true
  end
end

--- Compares by kind.
local function compare_kinds(session, top, a, b, depth)
  local kinds = { look.kind(a), look.kind(b) }
  local largest = math.max(fs.stat(a).size, fs.stat(b).size)
  if depth > DEEPEST then
    top:fact "it is too deep in archives to be looked into"
    top.open = true
  elseif COMPRESSED[kinds[1]] and COMPRESSED[kinds[2]] then
    compare_compressed(session, top, a, b, kinds, depth)
    if kinds[1] ~= kinds[2] then
      top:fact(("compressed by %s → %s"):format(kinds[1], kinds[2]))
      top:because { cause.sure("another compression", ("%s → %s"):format(kinds[1], kinds[2])) }
    end
  elseif kinds[1] ~= kinds[2] and not (kinds[1]:find "^[tb]" and kinds[2]:find "^[tb]" and kinds[1] ~= "tar") then
    top:fact(("kind %s → %s"):format(kinds[1], kinds[2]))
    top.open = true
  elseif kinds[1] == "tar" or kinds[1] == "zip" then
    compare_archives(session, top, a, b, depth)
  elseif kinds[1] == "bytes" and compare_disks(session, top, a, b, depth) then
    return
  elseif largest > MOST then
    top:fact "it is too large to be looked into"
    top.open = true
  elseif kinds[1] == "ar" then
    compare_members(session, top, a, b, headers.ar, depth)
  elseif kinds[1] == "cpio" then
    compare_members(session, top, a, b, headers.cpio, depth)
  else
    local ours, theirs = read_both(a, b)
    if kinds[1] == "elf" and program.compare(top, ours, theirs, { a, b }) then
      return
    elseif kinds[1] == "text" and kinds[2] == "text" then
      text.compare(top, ours, theirs)
    else
      compare_bytes(top, ours, theirs)
    end
  end
end

function compare(session, top, a, b, depth)
  local facts = #top.facts
  compare_kinds(session, top, a, b, depth)
  if #top.facts == facts and #top.nodes + #top.lines + #top.causes == 0 then
    top:fact "its bytes differ, and nothing of what is compared: padding, comments, further fields of headers"
    top.open = true
  end
end

--- Compares two files whose bytes differ.
---@param session bq.diff.Session
---@param top bq.diff.Node changed
---@param a string a path
---@param b string
function look.compare(session, top, a, b)
  compare(session, top, a, b, 0)
end

return look
