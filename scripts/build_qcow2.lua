#!/usr/bin/env bq
-- Makes a disk that boots by EFI of what was built: which phase gives what is said here.
local build = require "bq.image.build"

build.main({
  rootfs = "rootfs",
  additions = "image",
  kernel = "/boot/vmlinuz",
  tools = "host",
  mkfs = { ext4 = "/usr/sbin/mke2fs", squashfs = "/usr/bin/mksquashfs" },
}, arg)
