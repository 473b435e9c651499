#!/usr/bin/env bq
-- Makes a disk that boots by EFI from built phases. This file names the phase of each part.
local build = require "bq.image.build"

build.main({
  rootfs = "rootfs",
  additions = "image",
  kernel = "/boot/vmlinuz",
  tools = "host",
  mkfs = { ext4 = "/usr/sbin/mke2fs", squashfs = "/usr/bin/mksquashfs" },
}, arg)
