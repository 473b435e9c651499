#!/usr/bin/env bq
-- Shows the content of a disk, without mounting it.
require("bq.image.show").main(arg)
