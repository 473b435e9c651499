local check = require "check"
local image = require "bq.image"
local layout = require "bq.image.layout"
local machine = require "bq.image.machine"
local scratch = require "scratch"

check.run {
  {
    "firmware is looked for, and its code goes with its own variables",
    function()
      check.contains(
        check.raises(function()
          machine.firmware("aarch64", "nowhere")
        end),
        "no EFI firmware for aarch64"
      )
      scratch.write("root/usr/share/OVMF/OVMF_CODE_4M.fd", "code")
      scratch.write("root/usr/share/OVMF/OVMF_CODE.fd", "code")
      scratch.write("root/usr/share/OVMF/OVMF_VARS.fd", "variables")
      check.equal(machine.firmware("x86_64", "root").code, "root/usr/share/OVMF/OVMF_CODE.fd")
      scratch.write("root/usr/share/OVMF/OVMF_VARS_4M.fd", "variables")
      check.equal(machine.firmware("x86_64", "root").variables, "root/usr/share/OVMF/OVMF_VARS_4M.fd")
    end,
  },
  {
    "a disk says what machine it is for",
    function()
      scratch.write("kernel", "MZ")
      scratch.write("root.img", "root")
      for _, arch in ipairs { "x86_64", "aarch64" } do
        local place = layout.new { digest = ("0"):rep(64), arch = arch, kernel_size = 2, root_size = 4 }
        local disk = layout.disk(place, { kernel = "kernel", root = "root.img", mtime = 0 })
        disk.output, disk.format = "disk", "qcow2"
        image.write(disk)
        check.equal(machine.architecture "disk", arch)
      end
      scratch.write("empty", ("\0"):rep(4096))
      check.contains(
        check.raises(function()
          machine.architecture "empty"
        end),
        "does not say what machine it is for"
      )
    end,
  },
  {
    "a port that leads into the machine",
    function()
      local function forward(text)
        local one = machine.forward(text)
        return one and ("%s %s %d %d"):format(one.protocol, one.address, one.from, one.to)
      end
      check.equal(forward "2222:22", "tcp 127.0.0.1 2222 22")
      check.equal(forward "0.0.0.0:5353:53/udp", "udp 0.0.0.0 5353 53")
      for _, bad in ipairs { "", "22", "0:22", "2222:65536", "a:22", "1:2:3:4", "2222:22/sctp", "2222:22,x=y" } do
        check.equal(forward(bad), nil, bad)
      end
    end,
  },
  {
    "the command line of a machine",
    function()
      scratch.write("variables.fd", "")
      local function command(change)
        local options = {
          arch = "x86_64",
          disk = "a,b",
          format = "raw",
          firmware = { code = "code.fd", variables = "variables.fd" },
          folder = ".",
          memory = 256,
          cores = 2,
          network = "none",
          emulate = true,
          program = "qemu",
        }
        for name, value in pairs(change) do
          options[name] = value
        end
        return table.concat(machine.command(options), " ")
      end
      local plain = command {}
      for _, part in ipairs { "-m 256 -smp 2", "-display none", "-nic none", "file=a,,b", "snapshot=on", "-accel tcg" } do
        check.contains(plain, part)
      end
      check.truthy(not plain:find("usb", 1, true) and not plain:find("-kernel", 1, true))
      local more = command { network = "user", forward = { machine.forward "2222:22" }, display = "gtk", keep = true }
      for _, part in ipairs {
        "-nic user,model=virtio-net-pci,hostfwd=tcp:127.0.0.1:2222-:22",
        "-display gtk -device virtio-vga -device qemu-xhci",
        "snapshot=off",
      } do
        check.contains(more, part)
      end
      check.contains(plain, "-device virtio-blk-pci,drive=disk,bootindex=0")
      for drive, part in pairs {
        nvme = "-device nvme,serial=bq,drive=disk,bootindex=0",
        ahci = "-device ich9-ahci,id=ahci -device ide-hd,bus=ahci.0,drive=disk,bootindex=0",
        usb = "-device qemu-xhci,id=usb -device usb-storage,bus=usb.0,drive=disk,bootindex=0",
      } do
        local other = command { drive = drive, network = "user", card = "e1000e", display = "none", screen = "VGA" }
        check.contains(other, "-display none -device VGA -device qemu-xhci")
        check.contains(other, part)
        check.contains(other, "-nic user,model=e1000e")
        check.truthy(not other:find("virtio-blk", 1, true))
      end
      local board = command { firmware = { code = "u-boot.bin" } }
      check.contains(board, "-bios u-boot.bin")
      check.truthy(not board:find("pflash", 1, true))
      local kernel = command { disk = false, kernel = "vmlinuz", initrd = "root.cpio", command_line = "quiet" }
      check.contains(kernel, "-kernel vmlinuz -append quiet -initrd root.cpio")
      check.truthy(not kernel:find("virtio-blk", 1, true))
    end,
  },
}
