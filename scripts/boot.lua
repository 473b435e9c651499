#!/usr/bin/env bq
-- Boots an image that `build_qcow2.lua` made, in QEMU. This file names the phase of the kernel.
require("bq.image.boot").main({ additions = "image", kernel = "/boot/vmlinuz" }, arg)
