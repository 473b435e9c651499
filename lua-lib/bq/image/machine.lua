-- The machine that boots a disk: QEMU, firmware and devices.
local fail = require "bq.fail"
local fs = require "bq.fs"
local image = require "bq.image"
local layout = require "bq.image.layout"
local process = require "bq.process"
local syscall = require "bq.syscall"
local tables = require "bq.tables"

local machine = {}

---@class bq.image.Firmware
---@field code string
---@field variables? string an empty store for them, to be copied; absent of a firmware that has none, such as U-Boot

-- Where distributions install the firmware: folder, code, variables.
-- stylua: ignore
local KINDS <const> = {
  x86_64 = {
    program = "qemu-system-x86_64",
    options = { "-machine", "q35", "-cpu", "max" },
    screen = "virtio-vga",
    packages = "qemu-system-x86 ovmf",
    firmware = {
      { "/usr/share/OVMF/", "OVMF_CODE_4M.fd", "OVMF_VARS_4M.fd" },
      { "/usr/share/OVMF/", "OVMF_CODE.fd", "OVMF_VARS.fd" },
      { "/usr/share/edk2/x64/", "OVMF_CODE.4m.fd", "OVMF_VARS.4m.fd" },
      { "/usr/share/edk2/ovmf/", "OVMF_CODE.fd", "OVMF_VARS.fd" },
      { "/usr/share/qemu/", "edk2-x86_64-code.fd", "edk2-i386-vars.fd" },
    },
  },
  aarch64 = {
    program = "qemu-system-aarch64",
    options = { "-machine", "virt", "-cpu", "cortex-a57" },
    screen = "virtio-gpu-pci",
    packages = "qemu-system-arm qemu-efi-aarch64",
    firmware = {
      { "/usr/share/AAVMF/", "AAVMF_CODE.fd", "AAVMF_VARS.fd" },
      { "/usr/share/edk2/aarch64/", "QEMU_EFI-pflash.raw", "vars-template-pflash.raw" },
      { "/usr/share/qemu/", "edk2-aarch64-code.fd", "edk2-arm-vars.fd" },
    },
  },
}

-- The devices of QEMU that a disk is attached by.
---@type table<string, string[]>
local DEVICES <const> = {
  virtio = { "virtio-blk-pci,drive=disk,bootindex=0" },
  nvme = { "nvme,serial=bq,drive=disk,bootindex=0" },
  ahci = { "ich9-ahci,id=ahci", "ide-hd,bus=ahci.0,drive=disk,bootindex=0" },
  usb = { "qemu-xhci,id=usb", "usb-storage,bus=usb.0,drive=disk,bootindex=0" },
}

--- How a disk can be attached.
machine.DRIVES = tables.names(DEVICES)

--- The architecture of a disk, by the type of its root partition.
---@param disk string
---@return string arch
---@return bq.image.Info
function machine.architecture(disk)
  local info = fail.wrap(("`%s` is no disk that can be read"):format(disk), nil, image.info, disk)
  for _, partition in ipairs(info.partitions) do
    local arch = layout.architecture(partition.type)
    if arch then
      return arch, info
    end
  end
  fail.raise(("`%s` does not say what machine it is for"):format(disk), {
    cause = "none of its partitions is the root of an architecture that bq knows",
    hint = "name it: `--arch x86_64` or `--arch aarch64`",
  })
end

--- The installed firmware for an architecture.
---@param arch string
---@param root? string a folder to look in instead of `/`
---@return bq.image.Firmware
function machine.firmware(arch, root)
  local kind, looked = KINDS[arch], {}
  for _, one in ipairs(kind.firmware) do
    local code, variables = (root or "") .. one[1] .. one[2], (root or "") .. one[1] .. one[3]
    if fs.stat(code) and fs.stat(variables) then
      return { code = code, variables = variables }
    end
    looked[#looked + 1] = "  " .. code
  end
  fail.raise(("there is no EFI firmware for %s"):format(arch), {
    notes = tables.append({ "looked for:" }, looked),
    hint = ("install it (Debian: `apt-get install %s`), or name it: `--firmware CODE:VARIABLES`"):format(kind.packages),
  })
end

--- The installed QEMU for an architecture.
---@param arch string
---@return string
function machine.program(arch)
  local kind = KINDS[arch]
  if not kind then
    fail.usage(("`--arch %s`: no machine of this kind is known"):format(arch), "use `x86_64` or `aarch64`")
  end
  local found = process.which(kind.program)
  if not found then
    fail.raise(("`%s` is not installed"):format(kind.program), {
      hint = ("install it (Debian: `apt-get install %s`)"):format(kind.packages),
    })
  end
  return found
end

local function can_use_kvm(arch)
  return arch == syscall.uname().machine and pcall(fs.append, "/dev/kvm", "")
end

---@class bq.image.Machine
---@field arch string
---@field program string QEMU, as `machine.program` finds it
---@field disk? string
---@field format? "qcow2"|"raw" of the disk
---@field kernel? string a file that firmware starts instead of what is on a disk
---@field initrd? string of that kernel, as is the next one
---@field command_line? string
---@field firmware bq.image.Firmware
---@field folder string for the copy of the variables, and for what a disk that is not kept takes in
---@field memory integer MiB
---@field cores integer
---@field network "none"|"user" user: behind this machine's network
---@field forward? bq.image.Forward[]
---@field drive? string one of `machine.DRIVES`, virtio if absent
---@field card? string as QEMU's `-nic model=` takes it, virtio if absent
---@field display? string as QEMU's `-display` takes it; no screen if absent
---@field screen? string the model of the graphics card, as QEMU calls it; a virtio one if absent
---@field keep? boolean writes go to the disk
---@field emulate? boolean no KVM
---@field terminal? boolean the serial console is the caller's terminal; its standard input and output if absent

---@class bq.image.Forward a port of this machine that leads to one of the guest
---@field protocol "tcp"|"udp"
---@field address string of this machine
---@field from integer
---@field to integer

--- Reads `[ADDRESS:]PORT:PORT[/udp]`. Without an address, only programs of this machine reach the port.
---@param text string
---@return bq.image.Forward? # `nil` if it is none
function machine.forward(text)
  local body, protocol = text:match "^(.-)/(%l+)$"
  local address, from, to = (body or text):match "^([%d.]-):?(%d+):(%d+)$"
  local first, second = math.tointeger(tonumber(from)), math.tointeger(tonumber(to))
  protocol = protocol or "tcp"
  if not first or not second or math.min(first, second) < 1 or math.max(first, second) > 65535 then
    return nil
  elseif protocol ~= "tcp" and protocol ~= "udp" then
    return nil
  end
  return { protocol = protocol, address = address ~= "" and address or "127.0.0.1", from = first, to = second }
end

--- A comma in the value of one of QEMU's options is doubled.
local function value(text)
  return (text:gsub(",", ",,"))
end

--- The command line of a machine.
---@param options bq.image.Machine
---@return string[]
function machine.command(options)
  -- QEMU writes temporary changes of the disk to TMPDIR. Its default, /var/tmp, may not be writable.
  local argv = { "env", "TMPDIR=" .. options.folder, options.program }
  local function add(...)
    tables.append(argv, { ... })
  end
  add(table.unpack(KINDS[options.arch].options))
  add("-accel", not options.emulate and can_use_kvm(options.arch) and "kvm" or "tcg")
  add("-m", tostring(options.memory), "-smp", tostring(options.cores), "-nodefaults", "-no-reboot")
  add("-display", options.display or "none")
  if options.display then
    add(
      "-device",
      options.screen or KINDS[options.arch].screen,
      "-device",
      "qemu-xhci",
      "-device",
      "usb-kbd",
      "-device",
      "usb-tablet"
    )
  end
  if options.firmware.variables then
    local variables = options.folder .. "/variables"
    fs.write(variables, fs.read(options.firmware.variables), { sync = false })
    add("-drive", ("if=pflash,format=raw,unit=0,readonly=on,file=%s"):format(value(options.firmware.code)))
    add("-drive", ("if=pflash,format=raw,unit=1,file=%s"):format(value(variables)))
  else
    add("-bios", options.firmware.code)
  end
  if options.disk then
    local drive = "if=none,id=disk,format=%s,snapshot=%s,file=%s"
    add("-drive", drive:format(options.format, options.keep and "off" or "on", value(options.disk)))
    for _, device in ipairs(DEVICES[options.drive or "virtio"]) do
      add("-device", device)
    end
  else
    add("-kernel", options.kernel, "-append", options.command_line or "")
    if options.initrd then
      add("-initrd", options.initrd)
    end
  end
  add("-device", "virtio-rng-pci")
  local nic = options.network == "user" and "user,model=" .. (options.card or "virtio-net-pci") or "none"
  for _, one in ipairs(options.forward or {}) do
    nic = ("%s,hostfwd=%s:%s:%d-:%d"):format(nic, one.protocol, one.address, one.from, one.to)
  end
  add("-nic", nic)
  add("-serial", options.terminal and "mon:stdio" or "stdio", "-monitor", "none")
  if options.terminal then
    argv[#argv], argv[#argv - 1] = nil, nil
  end
  return argv
end

return machine
