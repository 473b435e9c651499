-- What the members of two archives differ in beside their content, mode and owner: order, times, and further fields of headers.
local cause = require "bq.diff.cause"
local sequence = require "bq.diff.sequence"

local members = {}

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
  local count, shift, one, is_shifted, stamps = 0, nil, nil, true, nil
  for _, a in ipairs(ours.list) do
    local b = theirs.by_path[a.path]
    if b and a.mtime and a.mtime == b.mtime and a.time ~= b.time then
      top:fact(
        ("the time of %s differs in parts of a second: %s → %s"):format(a.path, a.time or "none", b.time or "none")
      )
      top:because { cause.sure("a time", "the parts of seconds in the headers of pax") }
    elseif b and a.mtime and a.mtime == b.mtime and a.stamps ~= b.stamps and a.stamps and b.stamps then
      stamps = stamps or { a = a, b = b }
    elseif b and a.mtime and b.mtime and a.mtime ~= b.mtime then
      count = count + 1
      one = (not one or one.a.follows) and { a = a, b = b } or one
      shift = shift or b.mtime - a.mtime
      is_shifted = is_shifted and shift == b.mtime - a.mtime
    end
  end
  if stamps then
    local said = ("%s %s → %s"):format(stamps.a.path, stamps.a.stamps, stamps.b.stamps)
    top:fact("further times of members differ, as seconds since 1970: " .. said)
    top:because { cause.sure("a time", "the times of a member: " .. said) }
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

--- The form of headers, and the places that they came from.
local function compare_headers(top, ours, theirs)
  local function changed(field)
    local out = {}
    for _, entry in ipairs(ours.list) do
      local other = theirs.by_path[entry.path]
      if other and entry[field] ~= other[field] then
        out[#out + 1] = ("%s %s → %s"):format(entry.path, entry[field] or "none", other[field] or "none")
      end
    end
    return out
  end
  local forms, places = changed "form", changed "place"
  if #forms > 0 then
    top:fact(("the form of %d headers differs: %s"):format(#forms, forms[1]))
    top:because { cause.likely("the packer of an archive, or its options", forms[1]) }
  end
  if #places > 0 then
    top:fact(("the places of %d members in the file system differ: %s"):format(#places, places[1]))
    top:because { cause.sure("the file system that was packed (inodes, devices, links)", places[1]) }
  end
end

--- Compares the members that both archives have.
---@param top bq.diff.Node changed
---@param ours bq.diff.Listing
---@param theirs bq.diff.Listing
function members.compare(top, ours, theirs)
  compare_order(top, ours, theirs)
  compare_times(top, ours, theirs)
  compare_headers(top, ours, theirs)
end

return members
