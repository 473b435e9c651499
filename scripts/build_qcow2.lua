#!/usr/bin/env bq
-- Makes an image from built phases: a disk that boots by EFI, or what `--format` says. This file names the phase of each part.
local build = require "bq.image.build"

build.main({
  rootfs = "rootfs",
  additions = "image",
  kernel = "/boot/vmlinuz",
  config = "/boot/config",
  stub = "/boot/stub.efi",
  tools = "host",
  mkfs = { ext4 = "/usr/sbin/mke2fs", squashfs = "/usr/bin/mksquashfs" },
}, arg)
