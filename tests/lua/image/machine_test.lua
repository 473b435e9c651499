local build = require "bq.image.build"
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
    "sizes",
    function()
      check.equal(build.size "900M", 900 << 20)
      check.equal(build.size "4g", 4 << 30)
      check.equal(build.size "4GiB", 4 << 30)
      check.equal(build.size "1025", 1024)
      for _, bad in ipairs { "", "0", "-1", "4X", "1.5G", "9999999T", "99999999999999999999" } do
        check.contains(
          check.raises(function()
            build.size(bad)
          end),
          "is no size"
        )
      end
    end,
  },
}
