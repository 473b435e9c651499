#!/usr/bin/env bq
-- Measures bq beside the usual tools, in turn, several times; prints medians and ratios.
local args = require "bq.args"
local fail = require "bq.fail"
local fs = require "bq.fs"
local json = require "bq.json"
local log = require "bq.log"
local process = require "bq.process"
local rows = require "rows"
local syscall = require "bq.syscall"
local figures = require "figures"
local workspace = require "bq.workspace"

local options = args.parse({
  about = "Measures bq beside the usual tools. Rows whose tool or data is missing are left out, and say so.",
  usage = "bq tests/bench/bench.lua [OPTIONS]",
  options = {
    {
      name = "workspace",
      value = "DIR",
      help = "a built workspace, whose rootfs and sources are the data [default: data/sysroot]",
    },
    { name = "runs", value = "N", number = true, default = 5, help = "how often each is run" },
    { name = "only", value = "NAMES", many = true, help = "only these rows" },
    { name = "set", value = "NAME", default = "core", help = "the set that is built in the row `set`" },
    { name = "packages", value = "NAMES", many = true, help = "build only these in the row `set`, and what they need" },
    {
      name = "stored",
      value = "NAMES",
      many = true,
      help = "do not build these in the row `set`: take them from the workspace's store",
    },
    {
      name = "unpack-to",
      value = "DIR",
      help = "unpack archives here, where removing many files is slow in the workspace",
    },
    { name = "json", value = "FILE", help = "write the figures as JSON too" },
    { name = "readme", value = "FILE", help = "put the table between the two `bench` marks of this file too" },
  },
}, arg)

local space = workspace.new(options.workspace)
if not space:staged() then
  fail.raise(
    ("there is no staged rootfs in `%s`"):format(space.path),
    { hint = "stage one: `bq scripts/build_sysroot.lua`" }
  )
end
local scratch = fs.mkdtemp(space:at "bench-")
local unpacked = options.unpack_to and fs.mkdtemp(fs.realpath(options.unpack_to) .. "/bq-bench-") or scratch

local function median(times)
  table.sort(times)
  return times[(#times + 1) // 2]
end

--- Seconds, the most memory in MB if the body knows it, and the size of what came if the row says where it is.
local function measure(row, body)
  fs.remove_all(scratch .. "/out")
  fs.remove_all(unpacked .. "/out")
  if row.before then
    row.before()
  end
  local from = process.clock()
  local memory = body()
  local seconds = process.clock() - from
  return seconds, memory, row.size_of and fs.stat(row.size_of).size
end

--- Why a row cannot be measured here; `nil` if it can.
local function missing(row)
  for _, tool in ipairs(row.tools or {}) do
    if not process.which(tool) then
      return ("`%s` is not installed"):format(tool)
    end
  end
  if row.needs_data and not row.data then
    return "the workspace has no data for it"
  end
end

--- Runs a row, in turn with its tool.
local function run(row)
  local ours, theirs, result = {}, {}, { name = row.name, what = row.what, beside = row.beside }
  local size, their_size
  for index = 1, row.once and 1 or options.runs * (row.often or 1) do
    local memory, _
    ours[index], memory, size = measure(row, row.ours)
    result.memory = memory and math.max(result.memory or 0, memory)
    if row.theirs then
      theirs[index], _, their_size = measure(row, row.theirs)
    end
  end
  result.ours, result.theirs = median(ours), row.theirs and median(theirs) or nil
  result.size_ratio = size and their_size and size / their_size or nil
  return figures.judge(row, result)
end

local wanted, results = {}, json.array {}
for _, name in ipairs(args.list(options.only)) do
  wanted[name] = true
end
local built = { set = options.set, only = args.list(options.packages), stored = args.list(options.stored) }
local uname = syscall.uname()
local cpu = fs.read("/proc/cpuinfo"):match "model name%s*:%s*([^\n]+)" or uname.machine
local machine = ("Linux %s, %s, %d cores"):format(uname.release:match "^[%d.]+", cpu, process.cores())
local ok, err = pcall(function()
  for _, row in ipairs(rows(space, scratch, unpacked, built)) do
    if next(wanted) and not wanted[row.name] then
      goto continue
    end
    for key, value in pairs(row.more and row.more() or {}) do
      row[key] = value
    end
    local reason = missing(row)
    if reason then
      log.warn(("left out: %s: %s"):format(row.what, reason))
      goto continue
    end
    if row.prepare then
      row.prepare()
    end
    local result = run(row)
    if row.finish then
      row.finish()
    end
    results[#results + 1] = result
    log.info(
      ("%s: %.3f s%s"):format(row.name, result.ours, result.theirs and (" beside %.3f s"):format(result.theirs) or "")
    )
    ::continue::
  end
end)
fs.remove_all(scratch)
fs.remove_all(unpacked)
if not ok then
  error(err, 0)
end

if options.unpack_to then
  machine = ("%s, unpacking to `%s`"):format(machine, options.unpack_to)
end
local text = figures.text(results, machine, options.runs)
log.out(text)
if options.json then
  fs.write(options.json, json.encode({ machine = machine, runs = options.runs, rows = results }, { pretty = true }))
end
if options.readme then
  figures.place(options.readme, text)
end
