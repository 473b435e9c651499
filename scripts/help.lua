#!/usr/bin/env bq
-- Shows what the programs are for, or those that say a word.
require("bq.programs").help(arg)
