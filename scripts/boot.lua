#!/usr/bin/env bq
-- Boots a disk that `build_qcow2.lua` made, in QEMU.
require("bq.image.boot").main(arg)
