#!/usr/bin/env bq
-- Removes from workspaces and shared stores what no plan needs. Without `--remove` it only shows what would go.
local args = require "bq.args"
local fail = require "bq.fail"
local fs = require "bq.fs"
local gc = require "bq.share.gc"
local log = require "bq.log"
local report = require "bq.report"
local share_options = require "bq.share.options"
local visible = require "bq.visible"
local workspace = require "bq.workspace"

local options = args.parse({
  about = "Shows what can go from workspaces and shared stores, since none of the named workspaces needs it.",
  group = "share",
  usage = "bq scripts/gc.lua [OPTIONS]",
  options = {
    { name = "workspace", value = "DIR", many = true, help = "keep what its plan needs [default: data/sysroot]" },
    share_options.STORE,
    { name = "older-than", value = "AGE", help = "only what was not used for so long: 12h, 30d or 8w" },
    { name = "to", value = "SIZE", help = "only until each has no more than this: 500M or 20G" },
    { name = "keep", value = "N", number = true, help = "keep the newest builds of each step, so many" },
    { name = "remove", help = "remove it" },
  },
}, arg)

local HOURS <const> = { h = 1, d = 24, w = 168 }
local UNITS <const> = { K = 10, M = 20, G = 30, T = 40 }

--- A number with a unit.
---@return integer number
---@return integer unit
local function measure(name, text, units)
  local number, unit = text:match "^(%d+)(%a)$"
  -- Seconds and bytes have to fit into a number of 64 bits: no unit has more than 2^40 of either.
  local count = number and math.tointeger(tonumber(number))
  if not units[unit] or not count or count > math.maxinteger >> 41 then
    fail.usage(("`--%s` wants a number and a unit, not `%s`"):format(name, text), "`--older-than 30d`, `--to 20G`")
  end
  return count, units[unit]
end

local rules = { now = os.time(), keep = options.keep }
if options.older_than then
  local number, hours = measure("older-than", options.older_than, HOURS)
  rules.older_than = number * hours * 3600
end
if options.to then
  local number, shift = measure("to", options.to, UNITS)
  rules.to = number << shift
end

--- The workspaces. One that is named has to have a plan: without it nothing would be needed.
local spaces = {} ---@type bq.Workspace[]
local named = #options.workspace > 0 and options.workspace or { nil }
if #named > 0 or #options.store == 0 or fs.stat(workspace.new():at "plan.json") then
  for index = 1, math.max(1, #named) do
    spaces[index] = workspace.new(named[index])
    spaces[index]:require_own()
    spaces[index]:plan()
  end
end
if #spaces == 0 and not (rules.older_than or rules.to or rules.keep) then
  fail.usage("without a workspace all would go", "name those that use the store, or a rule such as `--older-than 30d`")
end

local total, count = 0, 0

--- Shows what goes, and removes it if it is to go.
local function clean(name, things, path, remove)
  local gone, size, all = gc.choose(things, rules), 0, 0
  for _, thing in ipairs(gone) do
    local days = math.max(math.floor((rules.now - thing.used) / 86400), 0)
    log.out(("  %-50s %10s  %s"):format(visible(thing.what), report.size(thing.size), report.count(days, "day")))
    size = size + thing.size
  end
  for _, thing in ipairs(things) do
    all = all + thing.size
  end
  log.out(("%s: %d of %d things go, %s of %s"):format(name, #gone, #things, report.size(size), report.size(all)))
  total, count = total + size, count + #gone
  if options.remove and #gone > 0 then
    for _, why in ipairs(remove(gone, things, path)) do
      log.warn(visible(why))
    end
  end
end

local hashes = {}
for _, space in ipairs(spaces) do
  local _, found = gc.reached(space)
  for hash in pairs(found) do
    hashes[hash] = true
  end
end
for _, space in ipairs(spaces) do
  -- A running build may find an old output again, and build on it. So it is locked out before anything is chosen.
  local is_free = not options.remove or space:try_lock()
  clean(space.path, gc.of_workspace(space), nil, function(gone, things)
    return is_free and gc.remove(gone, things)
      or { ("a build runs in `%s`, so nothing of it is removed"):format(space.path) }
  end)
  space:unlock()
end
for _, path in ipairs(options.store) do
  local stat = fs.stat(path)
  if not stat or stat.type ~= "dir" then
    fail.usage(("`--store %s`: no such folder"):format(path))
  elseif fs.stat(path .. "/store") then
    fail.usage(("`--store %s`: it is a workspace"):format(path), "`--workspace DIR`")
  end
  clean(path, gc.of_store(path, hashes), path, gc.remove)
end
if count > 0 and not options.remove then
  log.info(("%s would go; `--remove` removes it"):format(report.size(total)))
elseif count > 0 then
  log.info(("removed %s"):format(report.size(total)))
else
  log.info "there is nothing to remove"
end
