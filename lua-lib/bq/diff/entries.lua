-- Compares two listings of files: of trees, archives and disks. Each path that differs is a node.
local cause = require "bq.diff.cause"
local node = require "bq.diff.node"
local sequence = require "bq.diff.sequence"

local entries = {}

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

--- The paths that both have, in the order of one of them.
local function common(ours, theirs)
  local out = {}
  for _, entry in ipairs(ours.list) do
    out[#out + 1] = theirs.by_path[entry.path] and entry.path or nil
  end
  return out
end

local function compare_order(top, ours, theirs)
  local a, b = common(ours, theirs), common(theirs, ours)
  if table.concat(a, "\n") == table.concat(b, "\n") then
    return
  end
  for index = 1, math.max(#a, #b) do
    if a[index] ~= b[index] then
      top:fact(("another order: member %d is %s → %s"):format(index, a[index] or "none", b[index] or "none"))
      break
    end
  end
  if sequence.is_reordered(a, b) then
    top:because { cause.sure("an archive's order", "the same members in another order") }
  else
    top:fact "a member is there more often on one side"
    top.open = true
  end
end

--- The times of an archive's members.
local function compare_times(top, ours, theirs)
  local count, shift, one, is_shifted = 0, nil, nil, true
  for _, a in ipairs(ours.list) do
    local b = theirs.by_path[a.path]
    if b and a.mtime and a.mtime == b.mtime and a.time ~= b.time then
      top:fact(
        ("the time of %s differs in parts of a second: %s → %s"):format(a.path, a.time or "none", b.time or "none")
      )
      top:because { cause.sure("a time", "the parts of seconds in the headers of pax") }
    elseif b and a.mtime and b.mtime and a.mtime ~= b.mtime then
      count = count + 1
      one = (not one or one.a.follows) and { a = a, b = b } or one
      shift = shift or b.mtime - a.mtime
      is_shifted = is_shifted and shift == b.mtime - a.mtime
    end
  end
  if not one then
    return
  end
  top:fact(
    ("the times of %d members differ: %s %s → %s"):format(
      count,
      one.a.path,
      cause.date(one.a.mtime),
      cause.date(one.b.mtime)
    )
  )
  local is_zone = count > 1 and is_shifted and shift % 900 == 0 and math.abs(shift) <= 14 * 3600
  top:because { cause.sure("a time", ("the times of %d members"):format(count)) }
  if is_zone then
    top:because { cause.likely("a time zone", ("all times differ by %g hours"):format(shift / 3600)) }
  end
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
      cause.sure("a user", ("the owners of %d paths: %s → %s"):format(#owners, owner(first.a), owner(first.b))),
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

--- Compares two listings.
---@param top bq.diff.Node changed
---@param ours bq.diff.Listing
---@param theirs bq.diff.Listing
---@param look fun(node: bq.diff.Node, a: string, b: string) compares two files, into a node
---@param is_archive? boolean order and times count
function entries.compare(top, ours, theirs, look, is_archive)
  local changed, seen = {}, {}
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
    if not seen[a.path] and not b then
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
    if not ours.by_path[b.path] and not seen[b.path] then
      seen[b.path] = true
      lonely(b, "added")
    end
  end
  compare_attributes(top, changed)
  if is_archive then
    compare_order(top, ours, theirs)
    compare_times(top, ours, theirs)
  end
end

return entries
