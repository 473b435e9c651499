#!/usr/bin/env bq
-- Measures bq beside the usual tools, in turn, several times; prints medians and ratios.
local args = require "bq.args"
local digest = require "bq.digest"
local fail = require "bq.fail"
local fs = require "bq.fs"
local json = require "bq.json"
local log = require "bq.log"
local process = require "bq.process"
local syscall = require "bq.syscall"
local workspace = require "bq.workspace"

local options = args.parse({
  about = "Measures bq beside the usual tools. Rows whose tool or data is missing are left out, and say so.",
  usage = "bq scripts/bench.lua [OPTIONS]",
  options = {
    { name = "workspace", value = "DIR", help = "a built workspace, whose rootfs and sources are the data [default: data/sysroot]" },
    { name = "runs", value = "N", number = true, default = 5, help = "how often each is run" },
    { name = "only", value = "NAMES", many = true, help = "only these rows" },
    { name = "json", value = "FILE", help = "write the figures as JSON too" },
  },
}, arg)

local space = workspace.new(options.workspace)
if not space:staged() then
  fail.raise(("there is no staged rootfs in `%s`"):format(space.path), { hint = "stage one: `bq scripts/build_sysroot.lua`" })
end
local rootfs, bq = space:rootfs(), process.executable()
local scratch = fs.mkdtemp(space:at "bench-")
local out = scratch .. "/out"

--- A command of the shell, quiet; raises if it fails.
local function shell(text, ...)
  local status = process.run { argv = { "sh", "-ec", text, "sh", ... }, cwd = scratch, stdout = "null", stderr = "capture" }
  if not status.ok then
    fail.raise(("the benchmark's `%s` failed"):format(text), { cause = status.stderr:match "[^\n]+" })
  end
end

local function run_bq(code, ...)
  local status = process.run { argv = { bq, "-e", code, ... }, cwd = scratch, stdout = "null", stderr = "capture" }
  if not status.ok then
    fail.raise("bq failed in a benchmark", { cause = status.stderr:match "[^\n]+" })
  end
end

local function clean()
  fs.remove_all(out)
end

--- The largest file of `sources/` with an ending.
local function largest(ending)
  local best, size
  for _, name in ipairs(fs.list(space:at "sources")) do
    local stat = fs.stat(space:at("sources", name))
    if name:sub(-#ending) == ending and (not size or stat.size > size) then
      best, size = space:at("sources", name), stat.size
    end
  end
  return best
end

--- Unpacking with a digest, beside `sha256sum` and then `tar`.
local function extraction(path)
  local sha256 = path and digest.file(path)
  return {
    data = path,
    tools = { "tar", "sha256sum" },
    ours = function()
      run_bq("require('bq.archive').extract { path = (...), target = select(2, ...), sha256 = select(3, ...), profile = 'rootfs', devices = 'skip', setid = true }", path, out, sha256)
    end,
    theirs = function()
      shell("sha256sum \"$1\" && mkdir \"$2\" && tar -xf \"$1\" -C \"$2\"", path, out)
    end,
  }
end

--- Packing the staged rootfs, beside `tar` and a compressor.
local function packing(compression, pipe, tool)
  return {
    data = rootfs,
    tools = { "tar", tool },
    ours = function()
      run_bq("require('bq.archive').pack { sources = { { path = (...) } }, output = select(2, ...), compression = select(3, ...) }", rootfs, out, compression)
    end,
    theirs = function()
      shell("tar -C \"$1\" --sort=name --mtime=@0 --owner=0 --group=0 -cf - . | " .. pipe .. " > \"$2\"", rootfs, out)
    end,
  }
end

local function start(argv)
  return function()
    local status = process.run { argv = argv, stdout = "null", stderr = "capture" }
    if not status.ok then
      fail.raise(("`%s` failed"):format(argv[1]), { cause = status.stderr:match "[^\n]+" })
    end
  end
end

--- A disk with the staged rootfs on it. The usual tools make a file system only, but of the same files.
local function disk()
  local plan = space:read_json "plan.json"
  local has_kernel = false
  for _, step in ipairs(plan and plan.steps or {}) do
    has_kernel = has_kernel or step.phase == "image"
  end
  local data <const> = scratch .. "/disk"
  return {
    data = has_kernel and data or nil,
    tools = { "mke2fs", "qemu-img" },
    prepare = function()
      fs.copy(rootfs, data, { hardlink = true })
      fs.mkdir(data .. "/usr/sbin")
      fs.write(data .. "/usr/sbin/init", "", { sync = false })
    end,
    ours = start { bq, "build_qcow2", "--workspace", space.path, "--rootfs", data, "--output", out },
    theirs = function()
      shell("mke2fs -q -t ext4 -d \"$1\" \"$2.raw\" 1536M && qemu-img convert -c -m 2 -O qcow2 \"$2.raw\" \"$2\" && rm \"$2.raw\"", data, out)
    end,
  }
end

local packages = space:at "seed/packages"
local debs = {}
for _, name in ipairs(fs.stat(packages) and fs.list(packages) or {}) do
  debs[#debs + 1] = name:find "%.deb$" and packages .. "/" .. name or nil
end

--- What is measured. `reach` is a ratio to the usual tool, or with `at_most` a time in seconds (beyond the tool's, if any).
local ROWS = {
  { name = "start", what = "`bq -e ''`", beside = "`lua5.4 -e ''`", at_most = 0.004, tools = { "lua5.4" }, ours = start { bq, "-e", "" }, theirs = start { "lua5.4", "-e", "" } },
  {
    name = "enter",
    what = "enter a rootfs and run `/bin/true`",
    beside = "`bwrap`",
    reach = 1.1,
    tools = { "bwrap" },
    ours = start { bq, "enter", "--rootfs", rootfs, "--", "/bin/true" },
    theirs = start { "bwrap", "--unshare-all", "--bind", rootfs, "/", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "/bin/true" },
  },
  { name = "extract-xz", what = "extract a large `.tar.xz`, hash included", beside = "`sha256sum`, then `tar xf`", reach = 0.85, extraction = ".tar.xz" },
  { name = "extract-gz", what = "extract a large `.tar.gz`, hash included", beside = "`sha256sum`, then `tar xf`", reach = 0.85, extraction = ".tar.gz" },
  { name = "pack-gz", what = "pack the rootfs to `.tar.gz`", beside = "`tar | pigz -n`", reach = 0.9, packing = { "gzip", "pigz -n", "pigz" } },
  { name = "pack-zst", what = "pack the rootfs to `.tar.zst`", beside = "`tar | zstd -T0`", reach = 0.9, packing = { "zstd", "zstd -T0 -q", "zstd" } },
  {
    name = "tree",
    what = "tree digest of the rootfs",
    beside = "`find | sort | xargs sha256sum`",
    reach = 0.7,
    tools = { "sha256sum" },
    ours = function()
      run_bq("require('bq.digest').tree(...)", rootfs)
    end,
    theirs = function()
      shell("cd \"$1\" && find . -type f -print0 | sort -z | xargs -0 sha256sum", rootfs)
    end,
  },
  {
    name = "debs",
    what = "unpack the Debian seed's packages",
    beside = "`dpkg-deb -x` one by one",
    reach = 0.6,
    tools = { "dpkg-deb" },
    data = debs[1],
    ours = function()
      run_bq("local target = table.remove(arg, 1) require('bq.archive').extract_all { paths = arg, target = target, profile = 'rootfs', setid = true, devices = 'skip' }", out, table.unpack(debs))
    end,
    theirs = function()
      shell("mkdir \"$1\" && t=$1 && shift && for d; do dpkg-deb -x \"$d\" \"$t\"; done", out, table.unpack(debs))
    end,
  },
  { name = "disk", what = "a disk that boots, of the staged rootfs", beside = "`mke2fs -d`, then `qemu-img convert -c -m 2`", reach = 1.0, disk = true },
  { name = "nothing", what = "coordinator with nothing to do", beside = "", at_most = 0.1, ours = start { bq, "coordinator", "--workspace", space.path } },
}

local function median(times)
  table.sort(times)
  return times[(#times + 1) // 2]
end

local function measure(body)
  clean()
  local from = process.clock()
  body()
  return process.clock() - from
end

--- Why a row cannot be measured here; `nil` if it can.
local function missing(row)
  for _, tool in ipairs(row.tools or {}) do
    if not process.which(tool) then
      return ("`%s` is not installed"):format(tool)
    end
  end
  if (row.extraction or row.packing or row.disk or row.name == "debs") and not row.data then
    return "the workspace has no data for it"
  end
end

local wanted, results = {}, json.array {}
for _, name in ipairs(args.list(options.only)) do
  wanted[name] = true
end
local uname = syscall.uname()
local machine = ("Linux %s, %s, %d cores"):format(uname.release:match "^[%d.]+", uname.machine, process.cores())
local ok, err = pcall(function()
  for _, row in ipairs(ROWS) do
    if next(wanted) and not wanted[row.name] then
      goto continue
    end
    local more = row.extraction and extraction(largest(row.extraction)) or row.packing and packing(table.unpack(row.packing)) or row.disk and disk() or {}
    for key, value in pairs(more) do
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
    local ours, theirs = {}, {}
    for _ = 1, options.runs do
      ours[#ours + 1] = measure(row.ours)
      if row.theirs then
        theirs[#theirs + 1] = measure(row.theirs)
      end
    end
    local result = { name = row.name, what = row.what, beside = row.beside, ours = median(ours), theirs = row.theirs and median(theirs) or nil }
    if row.reach then
      result.ratio, result.reach = result.ours / result.theirs, ("≤ %.2f ×"):format(row.reach)
      result.reached = result.ratio <= row.reach
    else
      result.reach = ("≤ %d ms%s"):format(row.at_most * 1000, row.theirs and " more" or "")
      result.reached = result.ours - (result.theirs or 0) <= row.at_most
    end
    results[#results + 1] = result
    log.info(("%s: %.3f s%s"):format(row.name, result.ours, result.theirs and (" beside %.3f s"):format(result.theirs) or ""))
    ::continue::
  end
end)
fs.remove_all(scratch)
if not ok then
  error(err, 0)
end

log.out(("On %s, medians of %d runs:\n"):format(machine, options.runs))
log.out "| what | beside | bq | tool | ratio | reach |\n| --- | --- | --- | --- | --- | --- |"
for _, result in ipairs(results) do
  log.out(("| %s | %s | %.3f s | %s | %s | %s%s |"):format(
    result.what,
    result.beside,
    result.ours,
    result.theirs and ("%.3f s"):format(result.theirs) or "",
    result.ratio and ("%.2f"):format(result.ratio) or "",
    result.reach,
    result.reached and "" or " (missed)"
  ))
end
if options.json then
  fs.write(options.json, json.encode({ machine = machine, runs = options.runs, rows = results }, { pretty = true }))
end
