#!/usr/bin/env bq
-- Packs the finished root: of a system, of what `--with` asked for, or of a set that builds itself again.
local args = require "bq.args"
local command = require "bq.stage.command"
local events = require "bq.events"
local fail = require "bq.fail"
local finish = require "bq.stage.finish"
local finished = require "bq.system.finished"
local form = require "bq.plan.form"
local log = require "bq.log"
local program = require "bq.stage.program"
local refresh = require "bq.stage.refresh"
local source = require "bq.source.source"
local stage = require "bq.stage.stage"
local state = require "bq.run.state"
local workspace = require "bq.workspace"

local options = args.parse({
  group = "make",
  about = "Makes the finished root, with a manifest and a bill of materials, and packs it.",
  usage = "bq scripts/finish.lua [OPTIONS]",
  options = {
    {
      name = "output",
      value = "FILE",
      writes = true,
      endings = command.ENDINGS,
      help = "what to write: .tar.gz, .tar.zst or .tar",
      default = "rootfs.tar.gz",
    },
    { name = "skip-sources", help = "do not pack the sources" },
    program.OPTION,
    { name = "tree", help = "make the folder `finished` of the workspace, and pack nothing" },
    { name = "workspace", value = "DIR", help = "the folder of the build [default: data/sysroot]" },
    { name = "jobs", value = "N", number = true, help = "how many threads may compress" },
    events.OPTION,
  },
}, arg)

local space = workspace.new(options.workspace)
local plan = space:plan()
space:lock()
plan = refresh(space, plan)
local is_own = finished.is_own(plan)
local inside = not is_own and space:read("inside.json", form.FORMAT) or nil
if not is_own and (not inside or #plan.finish == 0) then
  fail.raise("this plan finishes no root", {
    cause = #plan.finish == 0 and ("set %s has none"):format(plan.set)
      or "it was narrowed by `--only`, or made by an older bq",
    hint = ("make it again: `bq scripts/build_sysroot.lua%s`"):format(space:option()),
  })
end
-- A system has bq in it only if its page says so.
local own = (not is_own or plan.system and plan.system.bq) and program.of(plan.arch, options.bq) or nil
local now = state.look(space, plan)
local tree, digest, locked, attributes = finish.tree(space, now, inside, (command.recall(space, plan)), own)
log.info(("finished %s: tree digest %s"):format(tree, digest))
if options.tree then
  return
end
stage.pack(space, options.output, tree, {
  sources = not options.skip_sources and source.file_names(locked) or {},
  attributes = attributes,
  epoch = plan.epoch,
  jobs = options.jobs,
})
