-- Compares two sides: workspaces step by step, trees path by path, single files by their content.
local archive = require "bq.archive"
local archives = require "bq.diff.archives"
local cause = require "bq.diff.cause"
local entries = require "bq.diff.entries"
local fail = require "bq.fail"
local key = require "bq.plan.key"
local look = require "bq.diff.look"
local node = require "bq.diff.node"
local progress = require "bq.progress"
local side = require "bq.diff.side"
local store = require "bq.store"

local compare = {}

--- The function that looks into files, and says which one it is at.
local function looker(session, bar)
  return function(one, from, to)
    bar:message(one.name)
    look.compare(session, one, from, to)
  end
end

--- A side that is not a workspace, as a listing; `nil` if it has no files in it.
local function listing(session, one)
  if one.kind == "root" then
    return side.tree(one.name)
  elseif one.kind == "entry" then
    return side.tree(one.name .. "/output", one.meta.attributes or {})
  elseif one.kind == "file" and pcall(archive.list, one.name) then
    return archives.unpack(session, one.name)
  elseif one.kind == "disk" and #one.disk.partitions == 0 then
    return side.partition(session, one.name)
  end
end

--- The output of a step of a workspace, as a listing.
local function output(one, id)
  local name = one.build.keys[id]
  local meta = store.get(one.space, name)
  if not meta then
    fail.raise(("the output of `%s` in `%s` is gone"):format(id, one.name))
  end
  return side.tree(store.output(one.space, name), meta.attributes or {}), meta
end

local function compare_step(session, top, a, b, id, bar)
  local ours, theirs = a.build.outputs[id], b.build.outputs[id]
  local part = node.new(id)
  part.kind = "changed"
  if not ours or not theirs then
    part:fact(
      not ours and not theirs and "it is not built on either side"
        or ("it is not built in `%s`"):format(not ours and a.name or b.name)
    )
    part.open = ours ~= theirs
    if ours or theirs then
      top:add(part)
    end
    return
  end
  local one, our_meta = output(a, id)
  local other, their_meta = output(b, id)
  if our_meta.key == their_meta.key then
    part:fact "the same inputs gave another output"
  else
    local why = key.reason(our_meta.inputs, their_meta.inputs) or "nothing that is known"
    part:fact("its inputs differ: " .. why)
    part:because { cause.likely("other inputs of the step", why) }
  end
  entries.compare(part, one, other, looker(session, bar))
  top:add(part)
end

local function compare_workspaces(session, top, a, b, bar)
  local same, alone = 0, { 0, 0 }
  for _, step in ipairs(a.build.plan.steps) do
    local output_of = a.build.outputs[step.id]
    if not b.build.by_id[step.id] then
      alone[1] = alone[1] + 1
    elseif output_of and output_of == b.build.outputs[step.id] then
      same = same + 1
    else
      compare_step(session, top, a, b, step.id, bar)
    end
  end
  for _, step in ipairs(b.build.plan.steps) do
    alone[2] = alone[2] + (a.build.by_id[step.id] and 0 or 1)
  end
  top.same = same
  for index, one in ipairs { a, b } do
    if alone[index] > 0 then
      top:fact(("%d steps are in the plan of `%s` only"):format(alone[index], one.name))
    end
  end
end

local function compare_disks(session, top, a, b, bar)
  local function say(what, ours, theirs)
    if ours ~= theirs then
      top:fact(("%s: %s → %s"):format(what, tostring(ours), tostring(theirs)))
    end
  end
  say("format", a.disk.format, b.disk.format)
  say("compression", a.disk.compression, b.disk.compression)
  say("size", a.disk.size, b.disk.size)
  say("id of the disk", a.disk.disk_guid, b.disk.disk_guid)
  say("partitions", #a.disk.partitions, #b.disk.partitions)
  for index = 1, math.min(#a.disk.partitions, #b.disk.partitions) do
    local one, other = a.disk.partitions[index], b.disk.partitions[index]
    local part = node.new(("partition %d (%s)"):format(index, one.name))
    for _, field in ipairs { "name", "type", "guid", "start", "size", "filesystem", "label", "id" } do
      if one[field] ~= other[field] then
        part:fact(("%s %s → %s"):format(field, tostring(one[field]), tostring(other[field])))
      end
    end
    local is_read = one.filesystem == "ext4" or one.filesystem == "fat32"
    if is_read and one.filesystem == other.filesystem then
      entries.compare(
        part,
        side.partition(session, a.name, index),
        side.partition(session, b.name, index),
        looker(session, bar)
      )
    elseif one.filesystem then
      part:fact(("its files are not compared: %s cannot be read"):format(one.filesystem))
      part.open = true
    end
    if not part:is_empty() then
      top:add(part)
    end
  end
  if top:is_empty() then
    top:fact "the files and partitions are the same; the disks differ beside them"
    top.open = true
  end
end

--- Compares two sides.
---@param session bq.diff.Session
---@param a bq.diff.Side
---@param b bq.diff.Side
---@return bq.diff.Node top without anything in it if they are the same
function compare.sides(session, a, b)
  local top = node.new(("%s → %s"):format(a.name, b.name))
  local bar <close> = progress.bar { label = "comparing" }
  if (a.kind == "file" or a.kind == "disk") and a.kind == b.kind and entries.is_same_file(a.name, b.name) then
    return top
  elseif a.kind == "workspace" and b.kind == "workspace" then
    compare_workspaces(session, top, a, b, bar)
    return top
  elseif a.kind == "file" and b.kind == "file" then
    look.compare(session, top, a.name, b.name)
    return top
  elseif a.kind == "disk" and b.kind == "disk" and #a.disk.partitions + #b.disk.partitions > 0 then
    compare_disks(session, top, a, b, bar)
    return top
  end
  local ours, theirs = listing(session, a), listing(session, b)
  if not ours or not theirs then
    fail.usage(
      ("`%s` is a %s, and `%s` a %s"):format(a.name, a.kind, b.name, b.kind),
      "compare two of a kind, or a root with a tarball of one"
    )
  end
  entries.compare(top, ours, theirs, looker(session, bar))
  return top
end

return compare
