#!/usr/bin/env bq
-- Packs the finished system: a rootfs that contains nothing of its seed, and that can be the next seed.
local args = require "bq.args"
local command = require "bq.stage.command"
local fail = require "bq.fail"
local finish = require "bq.stage.finish"
local form = require "bq.plan.form"
local log = require "bq.log"
local program = require "bq.stage.program"
local source = require "bq.source.source"
local stage = require "bq.stage.stage"
local state = require "bq.run.state"
local workspace = require "bq.workspace"

local options = args.parse({
  about = "Packs the finished root, with bq, the plan, a manifest, a bill of materials and the sources.",
  usage = "bq scripts/finish.lua [OPTIONS]",
  options = {
    { name = "output", value = "FILE", help = "what to write: .tar.gz, .tar.zst or .tar", default = "rootfs.tar.gz" },
    { name = "skip-sources", help = "do not pack the sources" },
    program.OPTION,
    { name = "workspace", value = "DIR", help = "the folder of the build [default: data/sysroot]" },
    { name = "jobs", value = "N", number = true, help = "how many threads may compress" },
  },
}, arg)

local space = workspace.new(options.workspace)
local plan = space:plan()
local inside = space:read("inside.json", form.FORMAT)
if not inside or #plan.finish == 0 then
  fail.raise("this plan finishes no root", {
    cause = #plan.finish == 0 and ("set %s has none"):format(plan.set)
      or "it was narrowed by `--only`, or made by an older bq",
    hint = "make it again: `bq scripts/build_sysroot.lua`",
  })
end
space:lock()
local state_now, own = state.look(space, plan), program.of(plan.arch, options.bq)
local tree, digest, locked, attributes = finish.tree(space, state_now, inside, (command.recall(space, plan)), own)
log.info(("finished %s: tree digest %s"):format(tree, digest))
stage.pack(space, options.output, tree, {
  sources = not options.skip_sources and source.file_names(locked) or {},
  attributes = attributes,
  epoch = plan.epoch,
  jobs = options.jobs,
})
