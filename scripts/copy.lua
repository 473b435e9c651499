#!/usr/bin/env bq
-- Moves outputs between a workspace and a shared store, a cache, or an archive for people without a network.
local archive = require "bq.archive"
local args = require "bq.args"
local fail = require "bq.fail"
local find = require "bq.plan.find"
local fs = require "bq.fs"
local key = require "bq.plan.key"
local log = require "bq.log"
local places = require "bq.share.places"
local report = require "bq.report"
local share_options = require "bq.share.options"
local state = require "bq.run.state"
local tables = require "bq.tables"
local workspace = require "bq.workspace"

local OPTIONS <const> = {
  {
    name = "to",
    value = "PLACE",
    help = "write outputs there: a folder, a cache (grpc://…, http://…), or FILE.tar.zst",
  },
  { name = "from", value = "PLACE", help = "bring outputs from there into the workspace" },
  { name = "workspace", value = "DIR", help = "the folder of the build [default: data/sysroot]" },
}
local options = args.parse({
  about = "Moves outputs of steps; without a STEP, those of the whole plan.",
  group = "share",
  usage = "bq scripts/copy.lua [STEP...] --to PLACE | --from PLACE",
  positional = "STEP",
  options = tables.append(tables.copy(OPTIONS), share_options.ACCESS),
}, arg)

local ARCHIVES <const> = { [".tar.zst"] = "zstd", [".tar.gz"] = "gzip", [".tar"] = "none" }

if (options.to == nil) == (options.from == nil) then
  fail.usage("where to, or where from?", "`--to PLACE` or `--from PLACE`")
end
local name = options.to or options.from
local space = workspace.new(options.workspace)
space:require_own()
local plan = space:plan()
space:create()
space:lock()

--- How an archive of this name is compressed; `nil` if the name is that of a place.
local compression
for ending, how in pairs(ARCHIVES) do
  compression = name:sub(-#ending) == ending and not name:find "://" and how or compression
end

--- The folder of an archive's content, which is a shared store.
local folder = space:at("share", "packed")
fs.remove_all(folder)
if compression and options.from then
  if not fs.stat(name) then
    fail.usage(("`--from %s`: no such file"):format(name))
  end
  fail.wrap(("cannot read `%s`"):format(name), nil, archive.extract, { path = name, target = folder })
end

--- The place.
---@type table<string, any>
local chosen = { remote_write = options.to ~= nil }
for _, option in ipairs(share_options.ACCESS) do
  local field = option.name:gsub("-", "_")
  chosen[field] = options[field]
end
if name:find "://" then
  chosen.remote = { name }
else
  chosen.store = { compression and folder or name }
  local stat = fs.stat(chosen.store[1])
  if options.from and not (stat and stat.type == "dir") then
    fail.usage(
      ("`--from %s`: no such folder"):format(name),
      "a folder, a cache (grpc://…, http://…), or FILE.tar.zst"
    )
  end
end
local all = places.new(space, places.of(chosen))
local place = all.list[1]
if options.to and not place.is_written then
  fail.usage(("`--to %s`: it is a workspace"):format(name), "name a folder of its own, for a shared store")
end

--- Looks for the steps whose inputs are known, until nothing more is found. What is elsewhere counts as done.
local build = state.new(space, plan)
local asked = {}
repeat
  build:look()
  local asks = {}
  for _, step in ipairs(plan.steps) do
    local one = build.keys[step.id]
    local is_new = options.from and build.states[step.id] == "waiting" and build:readiness(step) == "ready"
    if is_new and not asked[one] then
      asked[one] = true
      asks[#asks + 1] = { key = one, inputs = key.inputs(build.context, step) }
    end
  end
until next(all:look(asks)) == nil

local ids = {}
for index, word in ipairs(options) do
  ids[index] = find.step(plan.steps, word)
end
if #options == 0 then
  for _, step in ipairs(plan.steps) do
    local is_there = build.states[step.id] == "done" and (options.from ~= nil) == (build.absent[step.id] ~= nil)
    ids[#ids + 1] = is_there and step.id or nil
  end
end

local missing = {}
if options.to then
  for _, id in ipairs(ids) do
    local is_here = build.states[id] == "done" and not build.absent[id]
    local damage = is_here and all:put(build.keys[id]) or nil
    missing[#missing + 1] = not is_here and ("`%s` is not built here"):format(id)
      or damage and ("`%s` is damaged: %s"):format(id, damage)
      or nil
  end
else
  local asks, wanted = {}, {}
  for _, id in ipairs(ids) do
    if build.absent[id] then
      wanted[id] = build.keys[id]
      asks[#asks + 1] = { key = build.keys[id], inputs = key.inputs(build.context, build.by_id[id]) }
    elseif build.states[id] ~= "done" then
      missing[#missing + 1] = ("`%s` is not in `%s`"):format(id, name)
    end
  end
  local got = all:get(asks)
  for id, one in tables.sorted(wanted) do
    missing[#missing + 1] = not got[one] and ("`%s` did not come from `%s`"):format(id, name) or nil
  end
end
local trouble = place.off or all.refused[place] or all.larger[place]
if options.to and not trouble and place.is_written == false then
  trouble = "it cannot be written"
end

if compression and options.to and not trouble and fs.stat(folder) then
  local packed = fail.wrap(("cannot write `%s`"):format(name), nil, archive.pack, {
    output = name,
    sources = { { path = folder } },
    compression = compression,
    -- What is in it is compressed.
    level = compression ~= "none" and 1 or nil,
    mtime = plan.epoch,
  })
  log.info(("%s: %s, sha256 %s"):format(name, report.size(packed.size), packed.sha256))
end
fs.remove_all(folder)
fs.remove_all(all.aside)
local counts = all.counts
if options.to then
  log.info(
    ("%s written to `%s`, %s"):format(report.count(counts.written, "output"), name, report.size(counts.bytes_out))
  )
else
  log.info(
    ("%s fetched from `%s`, %s"):format(report.count(counts.fetched, "output"), name, report.size(counts.bytes_in))
  )
end
if #missing > 0 or trouble or options.from and counts.wrong > 0 then
  fail.raise(options.to and "not all was written" or "not all came", {
    cause = trouble,
    notes = missing,
    hint = options.to and #missing > 0 and ("build it first: `bq scripts/coordinator.lua%s`"):format(space:option())
      or nil,
  })
end
