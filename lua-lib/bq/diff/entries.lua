-- Compares two listings of files: of trees, archives and disks. Each path that differs is a node.
local cause = require "bq.diff.cause"
local members = require "bq.diff.members"
local node = require "bq.diff.node"
local report = require "bq.report"

local entries = {}

-- What the names of compressed files end with.
local ENDINGS <const> = { gz = true, xz = true, zst = true, bz2 = true, lz = true }

---@class bq.diff.Entry
---@field path string
---@field type string
---@field mode? integer
---@field size? integer of a file
---@field digest? string of a file; if it is absent, the content is compared
---@field uid? integer
---@field gid? integer
---@field uname? string
---@field gname? string
---@field mtime? integer
---@field time? string the same with parts of seconds, if pax says it
---@field form? string of a header of tar
---@field stamps? string all times of a header of zip, as seconds since 1970
---@field place? string where it was in the file system that it was packed from, of a header of cpio
---@field target? string of a link
---@field capabilities? string
---@field ["package"]? string
---@field follows? boolean its content follows from that of the others

---@class bq.diff.Listing
---@field list bq.diff.Entry[] by its order
---@field by_path table<string, bq.diff.Entry>
---@field file fun(path: string): string? a file of the disk with the content
---@field done? fun(path: string) the file is not needed any more

--- A listing of entries.
---@param list bq.diff.Entry[]
---@param file fun(path: string): string?
---@param done? fun(path: string)
---@return bq.diff.Listing
function entries.listing(list, file, done)
  local by_path = {}
  for _, entry in ipairs(list) do
    by_path[entry.path] = entry
  end
  return { list = list, by_path = by_path, file = file, done = done }
end

local function octal(mode)
  return mode and ("%04o"):format(mode) or "none"
end

local function owner(entry)
  local names = entry.uname and entry.uname ~= "" and (" (%s:%s)"):format(entry.uname, entry.gname or "") or ""
  return ("%d:%d%s"):format(entry.uid or 0, entry.gid or 0, names)
end

--- How two entries of a path differ, apart from the content: a line each.
---@param a bq.diff.Entry
---@param b bq.diff.Entry
---@return string[] facts
---@return table<string, true> fields that differ
function entries.difference(a, b)
  local facts, fields = {}, {}
  local function say(field, ours, theirs)
    if ours ~= theirs then
      fields[field] = true
      facts[#facts + 1] = ("%s %s → %s"):format(field, tostring(ours), tostring(theirs))
    end
  end
  say("type", a.type, b.type)
  if a.type ~= "link" and b.type ~= "link" and a.mode and b.mode then
    say("mode", octal(a.mode), octal(b.mode))
  end
  if a.mode and b.mode then
    say("owner", owner(a), owner(b))
  end
  if a.type == "file" and b.type == "file" then
    say("size", a.size, b.size)
  end
  say("target", a.target, b.target)
  say("capabilities", a.capabilities or "none", b.capabilities or "none")
  return facts, fields
end

--- Whether the content of a file is another one.
local function is_changed(a, b, ours, theirs)
  if a.type ~= "file" or b.type ~= "file" then
    return false
  elseif a.size ~= b.size then
    return true
  elseif a.digest and b.digest then
    return a.digest ~= b.digest
  end
  local one, other = ours.file(a.path), theirs.file(b.path)
  return one ~= nil and other ~= nil and not entries.is_same_file(one, other)
end

--- Whether two files of the disk have the same bytes.
---@param a string
---@param b string
---@return boolean
function entries.is_same_file(a, b)
  local one <close> = assert(io.open(a, "rb"))
  local other <close> = assert(io.open(b, "rb"))
  repeat
    local ours, theirs = one:read(1 << 20), other:read(1 << 20)
    if ours ~= theirs then
      return false
    end
  until not ours
  return true
end

--- Owners and modes: what all paths have in common says why.
local function compare_attributes(top, changed)
  local modes, owners, open = {}, {}, false
  for _, one in ipairs(changed) do
    if one.fields.mode then
      modes[#modes + 1] = { a = one.a.mode, b = one.b.mode, type = one.a.type }
    end
    owners[#owners + 1] = one.fields.owner and one or nil
    open = open or one.fields.type or one.fields.capabilities
  end
  if #modes > 0 then
    local found = cause.of_modes(modes)
    top:because { found }
    open = open or not found
  end
  if #owners > 0 then
    local first = owners[1]
    top:because {
      cause.sure(
        "a user",
        ("the owners of %s: %s → %s"):format(report.count(#owners, "path"), owner(first.a), owner(first.b))
      ),
    }
  end
  top.open = top.open or open and true or false
end

local function compare_entry(top, a, b, ours, theirs, look, changed)
  local facts, fields = entries.difference(a, b)
  local is_content = is_changed(a, b, ours, theirs)
  if #facts == 0 and not is_content then
    return
  end
  local one = node.new(a.path)
  one.kind, one.package = "changed", b.package or a.package
  one.facts = facts
  if fields.target then
    one:because(cause.of(a.target or "", b.target or ""))
    one.open = #one.causes == 0
  end
  changed[#changed + 1] = { a = a, b = b, fields = fields }
  if is_content then
    local from, to = ours.file(a.path), theirs.file(b.path)
    if a.follows then
      one:fact "it follows from the other members"
    elseif from and to then
      look(one, from, to)
    else
      one:fact "the content differs, and cannot be read"
      one.open = true
    end
  end
  top:add(one)
end

--- Compares a file with the one that stands for it under the name of another compression.
local function compare_renamed(top, a, b, ours, theirs, look)
  local one = node.new(("%s → %s"):format(a.path, b.path))
  one.kind, one.package = "changed", b.package or a.package
  local from, to = ours.file(a.path), theirs.file(b.path)
  if from and to then
    look(one, from, to)
  else
    one.open = true
  end
  top:add(one)
end

--- The name of a compressed file without what says by which program; `nil` if it is none.
local function stem(path)
  local name, ending = path:match "^(.+)%.(%w+)$"
  return ENDINGS[ending] and name
end

--- Compressed files that are on one side only, where the other one has them under the name of another compression.
local function renamed(ours, theirs)
  local by_stem, out = {}, {}
  for _, b in ipairs(theirs.list) do
    local name = not ours.by_path[b.path] and b.type == "file" and stem(b.path)
    by_stem[name or ""] = b
  end
  by_stem[""] = nil
  for _, a in ipairs(ours.list) do
    local other = not theirs.by_path[a.path] and a.type == "file" and by_stem[stem(a.path) or ""]
    if other then
      out[a.path], out[other.path] = other, a
    end
  end
  return out
end

--- Compares two listings.
---@param top bq.diff.Node changed
---@param ours bq.diff.Listing
---@param theirs bq.diff.Listing
---@param look fun(node: bq.diff.Node, a: string, b: string) compares two files, into a node
---@param is_archive? boolean order and times count
function entries.compare(top, ours, theirs, look, is_archive)
  local changed, seen = {}, {}
  local others = renamed(ours, theirs)
  local function lonely(entry, kind)
    local one = node.new(entry.path)
    one.kind, one.package = kind, entry.package
    one:fact(
      ("%s, %s%s"):format(
        kind == "gone" and "gone" or "new",
        entry.type,
        entry.size and entry.type == "file" and (", %d bytes"):format(entry.size) or ""
      )
    )
    top:add(one)
  end
  for _, a in ipairs(ours.list) do
    local b = theirs.by_path[a.path]
    -- The last member of a name is the one that counts.
    if not seen[a.path] and not b and others[a.path] then
      compare_renamed(top, a, others[a.path], ours, theirs, look)
    elseif not seen[a.path] and not b then
      lonely(a, "gone")
    elseif not seen[a.path] then
      compare_entry(top, ours.by_path[a.path], b, ours, theirs, look, changed)
      for _, one in ipairs { ours, theirs } do
        if one.done then
          one.done(a.path)
        end
      end
    end
    seen[a.path] = true
  end
  for _, b in ipairs(theirs.list) do
    if not ours.by_path[b.path] and not seen[b.path] and not others[b.path] then
      seen[b.path] = true
      lonely(b, "added")
    end
  end
  compare_attributes(top, changed)
  if is_archive then
    members.compare(top, ours, theirs)
  end
end

return entries
