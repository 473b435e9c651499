#!/usr/bin/env bq
-- Compares two builds, trees, archives, disks or files, and guesses why they differ.
local args = require "bq.args"
local compare = require "bq.diff.compare"
local fail = require "bq.fail"
local fs = require "bq.fs"
local json = require "bq.json"
local log = require "bq.log"
local page = require "bq.diff.page"
local process = require "bq.process"
local session = require "bq.diff.session"
local show = require "bq.diff.show"
local side = require "bq.diff.side"

local options = args.parse({
  about = "Compares two workspaces, store entries, roots, tarballs, disks or files, and guesses why they differ.",
  group = "look",
  usage = "bq scripts/diff.lua A B [OPTIONS]",
  positional = "A B",
  options = {
    { name = "html", value = "FILE", writes = true, help = "write a page to read in a browser" },
    { name = "json", help = "as JSON, for programs" },
    { name = "all", help = "show all paths, however many differ" },
    { name = "diffoscope", help = "let diffoscope compare them, if it is installed; `--html` is its own" },
  },
}, arg)

if #options ~= 2 then
  fail.usage("two things are compared", "`bq scripts/diff.lua BEFORE AFTER`")
end

if options.diffoscope then
  local found = process.which "diffoscope"
    or fail.raise("diffoscope is not installed", { hint = "leave `--diffoscope` out: bq compares by itself" })
  local argv = { found }
  if options.html then
    argv[#argv + 1] = "--html=" .. options.html
  end
  argv[#argv + 1], argv[#argv + 2], argv[#argv + 3] = "--", options[1], options[2]
  fail.exit(process.run({ argv = argv, stdin = "inherit" }).exit_status)
end

local place <close> = session.watched()
local top = compare.sides(place, side.open(options[1]), side.open(options[2]))
if options.html then
  fs.write(options.html, page.of(top))
  log.info(("written to `%s`"):format(options.html))
end
if options.json then
  log.out(json.encode(show.data(top), { pretty = true }))
elseif not options.html then
  for _, line in ipairs(show.lines(top, options.all)) do
    log.out(line)
  end
end
local lines = show.summary_lines(top)
if top:is_empty() and top.same == 0 then
  fail.raise("nothing was compared", { cause = "the two have no step in common that is built in both" })
elseif top:is_empty() then
  lines = { top.same and ("%d steps have the same output; nothing differs"):format(top.same) or "nothing differs" }
elseif top.same then
  table.insert(lines, 1, ("%d steps have the same output, %d differ"):format(top.same, #top.nodes))
end
for _, line in ipairs(options.json and {} or lines) do
  log.out(line)
end
if not top:is_empty() then
  fail.exit(1)
end
