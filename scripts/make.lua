#!/usr/bin/env bq
-- Makes a system from its page: plans, builds, finishes, and writes an image. What is done is not done again.
local args = require "bq.args"
local build = require "bq.image.build"
local command = require "bq.stage.command"
local disk = require "bq.image.disk"
local events = require "bq.events"
local fail = require "bq.fail"
local files = require "bq.files"
local format = require "bq.image.format"
local fs = require "bq.fs"
local host = require "bq.host"
local log = require "bq.log"
local page = require "bq.system.page"
local process = require "bq.process"
local report = require "bq.report"
local share_options = require "bq.share.options"
local tables = require "bq.tables"
local workspace = require "bq.workspace"

-- Options of the program that plans: those that a system can be planned with.
local PLAN <const> =
  args.pick(command.OPTIONS, { "seed", "arch", "foreign-workers", "with", "without", "recipes", "mirror", "offline" })
local IMAGE <const> = args.pick(build.OPTIONS, { "without-partitions" })
local TARBALLS <const> = { ["tar.gz"] = true, ["tar.zst"] = true }

-- stylua: ignore
local OPTIONS <const> = {
  { name = "output", value = "PLACE", writes = true, help = "what to write; its name says the format, unless `--format` does" },
  { name = "format", value = "FORMAT", help = table.concat(format.names(), ", ") },
  { name = "plan", value = "FILE", help = "the script that plans; `build_sysroot.lua` beside this program if absent" },
}
for _, list in ipairs {
  IMAGE,
  PLAN,
  args.pick(command.OPTIONS, { "workspace", "jobs" }),
  share_options.OPTIONS,
  { events.OPTION },
} do
  tables.append(OPTIONS, list)
end

local options = args.parse({
  group = "make",
  about = "Makes a system from its page, in a row: plan, build, finish, write.",
  usage = "bq scripts/make.lua [OPTIONS] FILE",
  options = OPTIONS,
  positional = "FILE",
}, arg)
if #options ~= 1 then
  fail.usage("which system?", "`bq scripts/make.lua scripts/systems/minimal.lua --output minimal.qcow2`")
end

local output = options.output or fail.usage("where to?", "`--output appliance.qcow2`")
local name = options.format or format.of_name(output)
local kind = name and format.KINDS[name]
if not kind then
  fail.usage(
    name and ("no format `%s`"):format(name) or ("`--output %s`: its name says no format"):format(output),
    "`--format` is one of " .. table.concat(format.names(), ", ")
  )
end

local here = files.parent(host.script)
local space = options.workspace and { "--workspace=" .. options.workspace } or {}
local jobs = options.jobs and { ("--jobs=%d"):format(options.jobs) } or {}
local started = os.time()

-- The exit status of what Ctrl-C ended.
local STOPPED <const> = 130

--- Waits for a program. A signal is for the program, which ends what it has started.
---@param pid integer
---@return bq.process.Status
local function wait(pid)
  while true do
    local status = process.wait_any() --[[@as any]]
    if status.caught then
      process.kill(pid, status.caught)
    elseif status.pid == pid then
      return status
    end
  end
end
process.catch_signals { "INT", "TERM", "HUP" }

--- Runs one of the programs, on the caller's terminal. If it fails, it has said why.
local function run(program, words)
  local argv = tables.append({ process.executable() }, host.options)
  words = tables.append(tables.copy(words), events.is_on and { "--" .. events.OPTION.name } or {})
  tables.append(
    tables.append(argv, { program:find "%.lua$" and program or ("%s/%s.lua"):format(here, program) }),
    words
  )
  local status = wait(process.spawn {
    argv = tables.append(argv, space),
    stdin = "inherit",
    stdout = "inherit",
    stderr = "inherit",
    die_with_parent = true,
  })
  if status.exit_status == STOPPED then
    -- It has said that it was stopped.
    fail.exit(STOPPED)
  elseif not status.ok then
    log.info(("`%s` failed; when that is mended, the same command goes on from there"):format(program))
    fail.exit(status.code or 1)
  end
end

--- What the format cannot hold is said before anything is fetched. A page with mistakes is left to the program that plans.
local layout = page.peek(options[1]).disk
if layout == false and kind.kernel then
  fail.raise(("format `%s` has a kernel, and the system says `disk = false`"):format(name), {
    hint = "leave `disk` out of the page, or make another format",
  })
elseif #disk.problems(layout or {}) == 0 then
  format.refuse_disk(name, disk.wish(layout or {}), options.without_partitions)
end

local plan = tables.append({ "--system=" .. options[1] }, args.words(PLAN, options))
run(options.plan or "build_sysroot", tables.append(plan, jobs))
run("coordinator", tables.append(share_options.words(options), jobs))
if TARBALLS[name] then
  run("finish", tables.append({ "--output=" .. output }, jobs))
else
  run("finish", { "--tree" })
  local words = { "--output=" .. output, "--format=" .. name }
  -- Names of containers have small letters only.
  local title =
    workspace.new(options.workspace):plan().system.name:lower():gsub("[^%l%d._-]", "-"):gsub("^[^%l%d]+", "")
  words[#words + 1] = name == "oci" and "--name=" .. title or nil
  run("build_qcow2", tables.append(tables.append(words, args.words(IMAGE, options)), jobs))
end
log.info(
  ("made %s of %s in %s: %s"):format(
    output,
    options[1],
    report.time(os.time() - started),
    report.size(fs.stat(output).size)
  )
)
