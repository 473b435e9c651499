#!/usr/bin/env bq
-- Makes a system from its page: plans, builds, finishes, and writes a disk or a tarball. What is done is not done again.
local args = require "bq.args"
local fail = require "bq.fail"
local files = require "bq.files"
local fs = require "bq.fs"
local host = require "bq.host"
local log = require "bq.log"
local process = require "bq.process"
local report = require "bq.report"
local tables = require "bq.tables"

local PLAN <const> = { "seed", "arch", "with", "without", "recipes", "mirror", "offline" }
local TARBALLS <const> = { ["tar.gz"] = true, ["tar.zst"] = true, tar = true }

-- stylua: ignore
local OPTIONS <const> = {
  { name = "output", value = "PLACE", help = "what to write: .qcow2, .raw, .tar.gz, .tar.zst, .tar" },
  { name = "format", value = "FORMAT", help = "what it is, where its name does not say it" },
  { name = "workspace", value = "DIR", help = "the folder of the build [default: data/sysroot]" },
  { name = "seed", value = "SEED", help = "auto, debian[:SUITE], alpine, or a rootfs tarball" },
  { name = "arch", value = "ARCH", help = "build for x86_64 or aarch64" },
  { name = "with", value = "NAMES", many = true, help = "these packages too" },
  { name = "without", value = "NAMES", many = true, help = "not these packages" },
  { name = "recipes", value = "DIR", many = true, help = "a folder of recipes that go before the bundled ones" },
  { name = "mirror", value = "PLACE", many = true, help = "a folder or address to look for sources in first" },
  { name = "offline", help = "use what is there, ask no network" },
  { name = "jobs", value = "N", number = true, help = "how many things to do at once" },
}

local options = args.parse({
  about = "Makes a system from its page, in a row: plan, build, finish, write.",
  usage = "bq scripts/make.lua [OPTIONS] FILE",
  options = OPTIONS,
  positional = "FILE",
}, arg)
if #options ~= 1 then
  fail.usage("which system?", "`bq scripts/make.lua scripts/systems/minimal.lua --output minimal.qcow2`")
end

--- What the output is: what was said, or what its name ends in.
local function format_of(output)
  for _, ending in ipairs { "tar.gz", "tar.zst", "tar", "qcow2", "raw" } do
    if output:sub(-#ending - 1) == "." .. ending then
      return ending
    end
  end
  fail.usage(
    ("`--output %s`: its name says no format"):format(output),
    "say it by `--format`, such as `--format qcow2`"
  )
end

local output = options.output or fail.usage("where to?", "`--output appliance.qcow2`")
local format = options.format or format_of(output)
local parent = fs.stat(files.parent(output))
if not parent or parent.type ~= "dir" then
  fail.usage(("`--output %s`: there is no such folder"):format(output))
end

local here = files.parent(host.script)
local space = options.workspace and { "--workspace=" .. options.workspace } or {}
local jobs = options.jobs and { ("--jobs=%d"):format(options.jobs) } or {}
local started = os.time()

--- Runs one of the programs, on the caller's terminal. If it fails, it has said why.
local function run(name, words)
  local argv = tables.append({ process.executable() }, host.options)
  tables.append(tables.append(argv, { ("%s/%s.lua"):format(here, name) }), words)
  local status = process.run {
    argv = tables.append(argv, space),
    stdin = "inherit",
    stdout = "inherit",
    stderr = "inherit",
    die_with_parent = true,
  }
  if not status.ok then
    log.info(("`%s` failed; when that is mended, the same command goes on from there"):format(name))
    fail.exit(status.code or 1)
  end
end

local plan = { "--system=" .. options[1] }
for _, name in ipairs(PLAN) do
  local value = options[name]
  for _, one in ipairs(type(value) == "table" and value or { value }) do
    plan[#plan + 1] = one == true and "--" .. name or ("--%s=%s"):format(name, one)
  end
end
run("build_sysroot", tables.append(plan, jobs))
run("coordinator", jobs)
if TARBALLS[format] then
  run("finish", tables.append({ "--output=" .. output }, jobs))
else
  run("finish", { "--tree" })
  run("build_qcow2", tables.append({ "--output=" .. output, "--format=" .. format }, jobs))
end
log.info(
  ("made %s of %s in %s: %s"):format(
    output,
    options[1],
    report.time(os.time() - started),
    report.size(fs.stat(output).size)
  )
)
