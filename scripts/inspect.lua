#!/usr/bin/env bq
-- Shows what a disk holds, read without mounting it.
require("bq.image.show").main(arg)
