#!/usr/bin/env bq
-- Writes a page about a build: graph, times, sizes, licences, and a page for each step.
local args = require "bq.args"
local fail = require "bq.fail"
local fs = require "bq.fs"
local log = require "bq.log"
local report = require "bq.report"
local state = require "bq.run.state"
local whole = require "bq.pages.whole"
local workspace = require "bq.workspace"

local options = args.parse({
  about = "Writes one HTML file about a build, for a browser: graph, times, sizes, licences, a page for each step.",
  group = "look",
  usage = "bq scripts/report.lua --output FILE [OPTIONS]",
  options = {
    { name = "output", value = "FILE", writes = true, help = "the page, such as report.html" },
    { name = "workspace", value = "DIR", help = "the folder of the build [default: data/sysroot]" },
  },
}, arg)

local output = options.output or fail.usage("where to?", "`--output report.html`")
local space = workspace.new(options.workspace)
local text = whole.page(state.look(space, space:plan()))
fs.write(output, text, { sync = false })
log.info(("written to `%s`, %s"):format(output, report.size(#text)))
