#!/usr/bin/env bq
-- Compares: the store with its own records, or two workspaces with each other.
local args = require "bq.args"
local coordinator = require "bq.coordinator"
local digest = require "bq.digest"
local fail = require "bq.fail"
local fs = require "bq.fs"
local log = require "bq.log"
local report = require "bq.report"
local store = require "bq.store"
local workspace = require "bq.workspace"

local options = args.parse({
  about = "Checks the store, or names the first file that differs between two builds.",
  usage = "bq scripts/verify.lua [OPTIONS]",
  options = {
    { name = "store", help = "read every output again; what is damaged is removed, and built again by the next run" },
    { name = "against", value = "DIR", help = "compare the outputs of every step with those of another workspace" },
    { name = "workspace", value = "DIR", help = "the folder of the build [default: data/sysroot]" },
  },
}, arg)

local space = workspace.new(options.workspace)
if not options.store and not options.against then
  fail.usage("what is to be verified?", "`--store`, or `--against DIR`")
end
local bad = 0

if options.store then
  space:plan()
  space:lock()
  local keys = store.keys(space)
  for _, key in ipairs(keys) do
    local ok, meta = pcall(store.get, space, key)
    meta = ok and meta or nil
    local actual = meta and digest.tree(store.output(space, key))
    if not meta or actual ~= meta.output then
      bad = bad + 1
      log.error(("store/%s (%s) is damaged"):format(key, meta and meta.step or "unknown step"))
      if meta then
        log.raw(("caused by: tree digest %s, expected %s"):format(actual, meta.output))
      end
      fs.remove_all(space:at("store", key))
    end
  end
  log.info(("%d outputs in the store: %d damaged%s"):format(#keys, bad, bad > 0 and " and removed; run `bq scripts/coordinator.lua` to build them again" or ""))
end

--- What the plan of a workspace has in its store: key and output digest of every step, by its id.
local function stored(one)
  local build = coordinator.new { workspace = one, plan = one:plan(), report = report.new(), jobs = 1 }
  build:look()
  local out = {}
  for _, step in ipairs(build.plan.steps) do
    out[step.id] = build.state[step.id] == "done" and { key = build.keys[step.id], output = build.context.outputs[step.id] } or {}
  end
  return out
end

--- The first line in which two trees differ.
local function first_difference(a, b)
  local left, right = digest.manifest(a), digest.manifest(b)
  local by_path = {}
  for _, line in ipairs(right) do
    by_path[line.path] = line
  end
  for _, line in ipairs(left) do
    local other = by_path[line.path]
    by_path[line.path] = nil
    if not other then
      return line.path .. " is only here"
    end
    for _, field in ipairs { "type", "mode", "size", "digest", "target" } do
      if line[field] ~= other[field] then
        return ("%s: %s %s here, %s there"):format(line.path, field, tostring(line[field]), tostring(other[field]))
      end
    end
  end
  local rest = next(by_path)
  return rest and rest .. " is only there" or "nothing"
end

if options.against then
  local other = workspace.new(options.against)
  local here, there, same, ids = stored(space), stored(other), 0, {}
  for _, one in ipairs { here, there } do
    for id in pairs(one) do
      if not (one == there and here[id]) then
        ids[#ids + 1] = id
      end
    end
  end
  table.sort(ids)
  for _, id in ipairs(ids) do
    local a, b = here[id] or {}, there[id] or {}
    if a.output and a.output == b.output then
      same = same + 1
    else
      bad = bad + 1
      log.error(id .. (
        not a.output and " is not built here"
        or not b.output and " is not built in " .. other.path
        or " differs: " .. first_difference(store.output(space, a.key), store.output(other, b.key))
      ))
    end
  end
  log.info(("%d steps have the same output, %d differ"):format(same, bad))
end
if bad > 0 then
  fail.exit(1)
end
