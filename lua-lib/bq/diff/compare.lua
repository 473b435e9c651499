-- Compares two sides: workspaces step by step, trees path by path, single files by their content.
local archive = require "bq.archive"
local archives = require "bq.diff.archives"
local cause = require "bq.diff.cause"
local disks = require "bq.diff.disks"
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
  elseif one.kind == "disk" and #one.disk.partitions == 0 and not one.disk.problem then
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
  local part = node.new(id)
  part.kind = "changed"
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
  local same, alone, built = 0, { 0, 0 }, { {}, {} }
  for _, step in ipairs(a.build.plan.steps) do
    local output_of = a.build.outputs[step.id]
    if not b.build.by_id[step.id] then
      alone[1] = alone[1] + 1
    elseif output_of and output_of == b.build.outputs[step.id] then
      same = same + 1
    elseif output_of and b.build.outputs[step.id] then
      compare_step(session, top, a, b, step.id, bar)
    elseif output_of or b.build.outputs[step.id] then
      table.insert(built[output_of and 1 or 2], step.id)
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
    if #built[index] > 0 then
      top:fact(("%d steps are built in `%s` only: %s"):format(#built[index], one.name, table.concat(built[index], " ")))
    end
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
  elseif a.disk and b.disk then
    local ours, theirs = { name = a.name, disk = a.disk }, { name = b.name, disk = b.disk }
    disks.compare(session, top, ours, theirs, looker(session, bar))
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
