#!/usr/bin/env bq
-- Lets the last partition of this machine's disk grow to the disk's end.
require("bq.image.grow").main(arg)
