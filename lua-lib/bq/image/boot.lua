-- Boots a disk in QEMU, on the caller's terminal or by a list of texts to wait for and to type.
local args = require "bq.args"
local console = require "bq.image.console"
local fail = require "bq.fail"
local fs = require "bq.fs"
local log = require "bq.log"
local machine = require "bq.image.machine"
local process = require "bq.process"
local report = require "bq.report"

local boot = {}

-- stylua: ignore
boot.OPTIONS = {
  { name = "wait-for", value = "TEXT", many = true, help = "wait until the serial console has said this" },
  { name = "type", value = "TEXT", many = true, help = "type this line after the `--wait-for` of the same place" },
  { name = "timeout", value = "SECONDS", number = true, help = "for all of it, where it waits for something", default = 600 },
  { name = "serial", value = "FILE", help = "where to write what the serial console says" },
  { name = "memory", value = "MIB", number = true, help = "of the machine", default = 512 },
  { name = "cpus", value = "N", number = true, help = "of the machine", default = 1 },
  { name = "network", help = "with a network card, behind this machine's network" },
  { name = "keep", help = "what it writes stays on the disk, instead of being thrown away" },
  { name = "emulate", help = "never use KVM" },
  { name = "arch", value = "ARCH", help = "x86_64 or aarch64; what the disk says if absent" },
  { name = "firmware", value = "CODE:VARIABLES", help = "the EFI firmware to use" },
}

--- The steps that a command line asks for: each text to wait for, followed by the line to type.
---@param waits string[]
---@param sends string[]
---@return { wait?: string, send?: string }[]
function boot.steps(waits, sends)
  if #sends > #waits then
    fail.usage("each `--type` wants a `--wait-for` before it", "what is typed before somebody listens is lost")
  end
  local steps = {}
  for index, text in ipairs(waits) do
    steps[#steps + 1] = { wait = text }
    steps[#steps + 1] = sends[index] and { send = sends[index] }
  end
  return steps
end

local function firmware(options, arch)
  if not options.firmware then
    return machine.firmware(arch)
  end
  local code, variables = options.firmware:match "^(.+):(.+)$"
  for _, path in ipairs { code or options.firmware, variables } do
    if not fs.stat(path) then
      fail.usage(("`--firmware %s`: there is no `%s`"):format(options.firmware, path))
    end
  end
  if not code then
    fail.usage(
      ("`--firmware %s`: the variables are missing"):format(options.firmware),
      "name both files: `--firmware CODE:VARIABLES`"
    )
  end
  return { code = code, variables = variables }
end

local function run(options, disk, folder)
  local arch, info ---@type string, bq.image.Info
  if options.arch then
    arch, info =
      options.arch, fail.wrap(("`%s` is no disk that can be read"):format(disk), nil, require("bq.image").info, disk)
  else
    arch, info = machine.architecture(disk)
  end
  machine.program(arch)
  local steps = boot.steps(options.wait_for, options.type)
  local argv = machine.command {
    arch = arch,
    disk = disk,
    format = info.format,
    firmware = firmware(options, arch),
    folder = folder,
    memory = options.memory,
    cpus = options.cpus,
    network = options.network,
    keep = options.keep,
    emulate = options.emulate,
    terminal = #steps == 0 and not options.serial,
  }
  if #steps == 0 and not options.serial then
    log.info "the serial console is this terminal; `poweroff` ends it, or Ctrl-A X"
    local status = process.run { argv = argv, stdin = "inherit", die_with_parent = true }
    fail.exit(status.code or 1)
  end
  local serial = options.serial or folder .. "/serial"
  fs.write(serial, "", { sync = false })
  local ended = console.run { argv = argv, serial = serial, steps = steps, timeout = options.timeout }
  log.info(
    ("%s: all texts were seen in %s%s"):format(
      disk,
      report.time(ended.seconds),
      ended.off and ", and the machine is off" or ""
    )
  )
end

--- Makes a folder for this run, in TMPDIR or else in the first folder that can be written. /var/tmp comes before /tmp: writes
--- to the disk may be large, and /tmp may be in memory.
local function make_folder()
  local named, cause = os.getenv "TMPDIR", nil
  for _, place in ipairs(named and { named } or { "/var/tmp", "/tmp" }) do
    local ok, made = pcall(fs.mkdtemp, place .. "/bq-boot-")
    if ok then
      return made
    end
    cause = cause or made
  end
  error(cause, 0)
end

--- Runs the program.
---@param words string[] the command line
function boot.main(words)
  local options = args.parse({
    about = "Boots a disk in QEMU: on this terminal, or waiting and typing on its serial console.",
    usage = "bq scripts/boot.lua [OPTIONS] DISK",
    options = boot.OPTIONS,
    positional = "DISK",
  }, words)
  if #options ~= 1 then
    fail.usage("which disk?", "`bq scripts/boot.lua disk.qcow2`")
  end
  local folder = make_folder()
  local ok, err = pcall(run, options, options[1], folder)
  -- If the run failed, the output of the machine is kept.
  if not ok and not options.serial and fs.stat(folder .. "/serial") then
    for _, name in ipairs(fs.list(folder)) do
      if name ~= "serial" then
        fs.remove_all(folder .. "/" .. name)
      end
    end
  else
    fs.remove_all(folder)
  end
  if not ok then
    error(err, 0)
  end
end

return boot
