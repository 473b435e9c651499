-- Boots an image in QEMU: on the caller's terminal, by a list of texts to wait for and to type, or for commands to run in it.
local args = require "bq.args"
local console = require "bq.image.console"
local disk = require "bq.image.disk"
local efi = require "bq.image.efi"
local fail = require "bq.fail"
local fs = require "bq.fs"
local image = require "bq.image"
local input = require "bq.image.input"
local layout = require "bq.image.layout"
local log = require "bq.log"
local machine = require "bq.image.machine"
local process = require "bq.process"
local report = require "bq.report"
local shell = require "bq.image.shell"
local tables = require "bq.tables"
local workspace = require "bq.workspace"

local boot = {}

-- stylua: ignore
boot.OPTIONS = {
  { name = "run", value = "CMD", many = true, ordered = true, help = "run a command in the shell on the serial console; its status is that of this program" },
  { name = "wait-for", value = "TEXT", many = true, ordered = true, help = "wait until the serial console has said this" },
  { name = "type", value = "TEXT", many = true, ordered = true, help = "type this line when the `--wait-for` before it has been said" },
  { name = "timeout", value = "SECONDS", number = true, help = "for all of it, where it waits for something", default = 600 },
  { name = "serial", value = "FILE", help = "where to write what the serial console says" },
  { name = "memory", value = "SIZE", help = "of the machine: 2G, or a number of MiB", default = "512" },
  { name = "cores", value = "N", number = true, help = "of the machine", default = 1 },
  { name = "network", value = "KIND", help = "none, or user: a card behind this machine's network [default: none, with `--forward` user]" },
  { name = "forward", value = "PORT:PORT", many = true, help = "a port of this machine that leads to one of the guest: [ADDRESS:]PORT:PORT[/udp]" },
  { name = "display", value = "KIND", help = "a screen and a keyboard, as QEMU's -display takes it: gtk, sdl, vnc=:1" },
  { name = "screen", value = "MODEL", help = "with `--display`: the graphics card, as QEMU calls it: VGA, qxl-vga [default: virtio-vga; virtio-gpu-pci on aarch64]" },
  { name = "drive", value = "KIND", help = "how the disk is attached: " .. table.concat(machine.DRIVES, ", ") .. " [default: virtio]" },
  { name = "card", value = "MODEL", help = "the network card, as QEMU calls it: e1000e, igb, vmxnet3 [default: virtio-net-pci]" },
  { name = "keep", help = "what it writes stays on the disk, instead of being thrown away" },
  { name = "emulate", help = "never use KVM" },
  { name = "arch", value = "ARCH", help = "x86_64 or aarch64; what the image says if absent" },
  { name = "firmware", value = "CODE[:VARIABLES]", help = "the EFI firmware to use; without variables one as boards have it, such as U-Boot" },
  { name = "kernel", value = "FILE", help = "for a first root (cpio): the kernel; that of the workspace if absent" },
  { name = "command-line", value = "TEXT", help = "what that kernel is told" },
  { name = "workspace", value = "DIR", help = "where that kernel is [default: data/sysroot]" },
}

--- What a machine is to be told, in the order of the command line.
---@param ordered { name: string, value: string }[] the options `wait-for`, `type` and `run`
---@param ran fun(output: string, status: integer, command: string): boolean is told of each command that was run
---@return bq.image.Step[]
function boot.steps(ordered, ran)
  local steps, before = {}, nil
  for _, one in ipairs(ordered) do
    if one.name == "run" then
      tables.append(
        steps,
        shell.steps(one.value, function(output, status)
          return ran(output, status, one.value)
        end)
      )
    elseif one.name == "wait-for" then
      steps[#steps + 1] = { wait = one.value }
    elseif before == "wait-for" then
      steps[#steps + 1] = { send = one.value }
    else
      fail.usage("each `--type` wants a `--wait-for` before it", "what is typed before somebody listens is lost")
    end
    before = one.name
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
  return { code = code or options.firmware, variables = variables }
end

-- How compressed and plain archives of a first root begin: zstd, gzip, xz, cpio.
local FIRST_ROOTS <const> = { "\x28\xb5\x2f\xfd", "\x1f\x8b", "\xfd7zXZ", "07070" }

local function is_first_root(path)
  local file <close> = assert(io.open(path, "rb"))
  local head = file:read(6) or ""
  for _, one in ipairs(FIRST_ROOTS) do
    if head:sub(1, #one) == one then
      return true
    end
  end
  return false
end

--- What a machine boots, and of what architecture it is.
---@param options table of the command line
---@param path string
---@param folder string
---@param from { additions: string, kernel: string } where the kernel of a workspace is
---@return { arch: string, disk?: string, format?: "qcow2"|"raw", kernel?: string, initrd?: string, command_line?: string }
local function what(options, path, folder, from)
  local unreadable = ("`%s` is no image that can be read"):format(path)
  local stat = fs.stat(path)
  local program = stat and stat.type == "file" and efi.architecture(path)
  if program then
    local copy = folder .. "/disk"
    local options_of = layout.program(program, path, stat.size)
    options_of.output, options_of.format = copy, "raw"
    fail.wrap(unreadable, nil, image.write, options_of)
    return { arch = options.arch or program, disk = copy, format = "raw" }
  elseif stat and stat.type == "file" and is_first_root(path) then
    if options.drive then
      fail.usage "`--drive` says nothing for a first root: it is on no disk"
    end
    local kernel = options.kernel or input.kernel(workspace.new(options.workspace), from)
    if not fs.stat(kernel) then
      fail.usage(("`--kernel %s`: there is no such file"):format(kernel))
    end
    local arch = options.arch or efi.architecture(kernel)
    if not arch then
      fail.raise(("`%s` is no kernel that is an EFI program"):format(kernel), { hint = "name its machine by `--arch`" })
    end
    return { arch = arch, kernel = kernel, initrd = path, command_line = options.command_line }
  end
  if options.kernel or options.command_line then
    fail.usage(("`%s` has a kernel of its own"):format(path), "`--kernel` and `--command-line` are for a first root")
  end
  if options.arch then
    local info = fail.wrap(unreadable, nil, image.info, path)
    return { arch = options.arch, disk = path, format = info.format }
  end
  local arch, info = machine.architecture(path)
  return { arch = arch, disk = path, format = info.format }
end

--- Checks what the command line says of the machine, and puts defaults in.
local function check(options)
  local size = options.memory:find "^%d+$" and options.memory .. "M" or options.memory
  options.memory = (disk.size(size) or 0) >> 20
  if options.memory < 1 then
    fail.usage "`--memory` wants a size such as `512M` or `2G`"
  end
  local forward = {}
  for index, text in ipairs(options.forward) do
    forward[index] = machine.forward(text)
      or fail.usage(("`--forward %s`: it is [ADDRESS:]PORT:PORT[/udp]"):format(text), "`--forward 2222:22`")
  end
  if options.network and not tables.contains({ "none", "user" }, options.network) then
    fail.usage(("`--network %s`: it is none or user"):format(options.network))
  elseif options.network == "none" and #forward > 0 then
    fail.usage "`--forward` wants a network: `--network user`"
  end
  options.forward, options.network = forward, options.network or #forward > 0 and "user" or "none"
  if options.drive and not tables.contains(machine.DRIVES, options.drive) then
    fail.usage(("`--drive %s`: it is one of %s"):format(options.drive, table.concat(machine.DRIVES, ", ")))
  elseif options.card and options.network == "none" then
    fail.usage "`--card` wants a network: `--network user`"
  elseif options.card and not options.card:find "^[%w._-]+$" then
    fail.usage(("`--card %s` is no name of a card"):format(options.card))
  elseif options.screen and not options.display then
    fail.usage "`--screen` wants a display: `--display gtk`; `--display none` for one that nobody sees"
  elseif options.screen and not options.screen:find "^[%w._-]+$" then
    fail.usage(("`--screen %s` is no name of a card"):format(options.screen))
  end
end

local function run(options, path, folder, from)
  local found = what(options, path, folder, from)
  local program = machine.program(found.arch)
  local result = 0
  -- What commands print comes to standard output.
  local steps = boot.steps(options.ordered, function(output, status, command)
    io.stdout:write(output)
    io.stdout:flush()
    result = status
    if status ~= 0 then
      log.warn(("`%s` ended with status %d; nothing more is run"):format(command, status))
    end
    return status == 0
  end)
  if #options.run > 0 and options.keep and steps[#steps].wait then
    steps[#steps + 1] = { send = "poweroff" }
  end
  local is_terminal = #steps == 0 and not options.serial
  local argv = machine.command {
    arch = found.arch,
    program = program,
    disk = found.disk,
    format = found.format,
    kernel = found.kernel,
    initrd = found.initrd,
    command_line = found.command_line,
    firmware = firmware(options, found.arch),
    folder = folder,
    memory = options.memory,
    cores = options.cores,
    network = options.network,
    drive = options.drive,
    card = options.card,
    forward = options.forward,
    display = options.display,
    screen = options.screen,
    keep = options.keep,
    emulate = options.emulate,
    terminal = is_terminal,
  }
  if is_terminal then
    log.info "the serial console is this terminal; `poweroff` ends it, or Ctrl-A X"
    local status = process.run { argv = argv, stdin = "inherit", die_with_parent = true }
    fail.exit(status.code or 1)
  end
  local serial = options.serial or folder .. "/serial"
  fs.write(serial, "", { sync = false })
  local ended = console.run { argv = argv, serial = serial, steps = steps, timeout = options.timeout }
  if result ~= 0 then
    fail.exit(result)
  elseif #options.run == 0 then
    local how = ended.off and ", and the machine is off" or ""
    log.info(("%s: all texts were seen in %s%s"):format(path, report.time(ended.seconds), how))
  end
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
---@param from { additions: string, kernel: string } the phase whose outputs have a kernel, and where it is in those
---@param words string[] the command line
function boot.main(from, words)
  local options = args.parse({
    group = "make",
    about = "Boots a disk, an EFI program or a first root in QEMU: on this terminal, or on its serial console for a script.",
    usage = "bq scripts/boot.lua [OPTIONS] IMAGE",
    options = boot.OPTIONS,
    positional = "IMAGE",
  }, words)
  if #options ~= 1 then
    fail.usage("which disk?", "`bq scripts/boot.lua disk.qcow2`")
  end
  check(options)
  local folder = make_folder()
  local ok, err = pcall(run, options, options[1], folder, from)
  -- If the run failed, the output of the machine is kept.
  if not ok and not fail.is_exit(err) and not options.serial and fs.stat(folder .. "/serial") then
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
