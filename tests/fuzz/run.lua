#!/usr/bin/env bq
-- Tries changed inputs on what reads what others wrote; see README.md beside this.
local args = require "bq.args"
local digest = require "bq.digest"
local fail = require "bq.fail"
local fs = require "bq.fs"
local log = require "bq.log"
local mutate = require "mutate"
local process = require "bq.process"
local syscall = require "bq.syscall"

local TARGETS = { "archive", "deb", "image", "json", "patch", "recipe" }
-- What a batch has, in seconds: a whole one takes a small part of it.
local HANGS = 120
local BATCH = 500
local MAX_INPUT = 64 << 10

local options = args.parse({
  about = "Tries changed inputs on the archive reader, the .deb reader, image readers, JSON, patches and the recipe loader.",
  usage = "bq tests/fuzz/run.lua [OPTIONS] [TARGET...]",
  options = {
    { name = "seconds", value = "N", number = true, help = "how long for each target" },
    { name = "iterations", value = "N", number = true, help = "how many inputs for each target [default: 2000]" },
    { name = "seed", value = "N", number = true, help = "of the random numbers" },
    { name = "memory", value = "MB", number = true, default = 1024, help = "address space of a batch" },
    {
      name = "batch",
      value = "N",
      number = true,
      help = "only one batch of so many inputs, in this folder and process",
    },
    { name = "keep", value = "DIR", default = "findings", help = "where inputs are kept that found something" },
  },
  positional = "TARGET...",
}, arg)

---@class fuzz.Target
---@field seeds fun(): string[]
---@field words? string[]
---@field mend? fun(text: string): string
---@field prepare? fun() makes what `try` needs in the working folder
---@field try fun(input: string, path: string) raises, by `error` with a text, if it finds something

--- One batch, which raises at the first finding; the input is in `input` then.
local function batch(name)
  local target = require("targets." .. name)
  local seeds, seed = target.seeds(), options.seed or 0
  if target.prepare then
    target.prepare()
  end
  syscall.setrlimit("as", options.memory << 20)
  math.randomseed(seed)
  for index = 1, options.batch do
    local text = seeds[math.random(#seeds)]
    -- The first inputs are the seeds themselves.
    if seed ~= 1 or index > #seeds then
      text = mutate.once(text, target.words or {}, seeds[math.random(#seeds)], MAX_INPUT)
      text = target.mend and math.random(8) > 1 and target.mend(text) or text
    else
      text = seeds[index]
    end
    fs.write("input", text, { sync = false })
    target.try(text, "input")
  end
end

local function keep(name, what)
  -- Without one it is the target itself that failed.
  local text = fs.stat "input" and fs.read "input" or ""
  local file = ("%s/%s-%s"):format(options.keep, name, digest.sha256(text):sub(1, 16))
  fs.mkdir(options.keep)
  fs.write(file, text)
  fs.write(file .. ".txt", what)
  log.error(("%s: %s"):format(name, (what:gsub("\n(.*)", ": %1", 1):match "[^\n]*")))
  log.raw("input: " .. file)
end

local function run(name)
  local scratch = fs.mkdtemp((fs.stat "/dev/shm" and "/dev/shm" or "/tmp") .. "/bq-fuzz-")
  local script = fs.realpath(arg[0])
  local before = fs.cwd()
  syscall.chdir(scratch)
  local first = options.seed or 1
  local from, inputs, findings, seed = process.clock(), 0, 0, first
  while findings < 20 do
    local spent = process.clock() - from
    if
      options.seconds and spent >= options.seconds or not options.seconds and inputs >= (options.iterations or 2000)
    then
      break
    end
    local count = options.seconds and BATCH or math.min(BATCH, (options.iterations or 2000) - inputs)
    local words =
      { script, name, "--batch", tostring(count), "--seed", tostring(seed), "--memory", tostring(options.memory) }
    local status = process.run {
      argv = { process.executable(), "--traceback", table.unpack(words) },
      stdout = "null",
      stderr = "capture",
      timeout = HANGS,
    }
    local found
    if not status.ok then
      found = ("%s\n%s"):format(
        status.signal and "ended by signal " .. status.signal or "ended with status " .. tostring(status.code),
        status.stderr
      )
    end
    if found then
      findings = findings + 1
      keep(name, ("%s\nseed %d\n"):format(found, seed))
    end
    for _, left in ipairs(fs.list ".") do
      fs.remove_all(left)
    end
    inputs, seed = inputs + count, seed + 1
  end
  syscall.chdir(before)
  fs.remove_all(scratch)
  log.info(
    ("%s: %d inputs in %.0f s, %d findings, seeds %d to %d"):format(
      name,
      inputs,
      process.clock() - from,
      findings,
      first,
      seed - 1
    )
  )
  return findings
end

if options.batch then
  batch(options[1])
  fail.exit(0)
end
options.keep = options.keep:sub(1, 1) == "/" and options.keep or fs.cwd() .. "/" .. options.keep
local findings = 0
for _, name in ipairs(#options > 0 and options or TARGETS) do
  if not table.concat(TARGETS, " "):find(name, 1, true) then
    fail.usage(("no target `%s`"):format(name), "the targets are " .. table.concat(TARGETS, ", "))
  end
  findings = findings + run(name)
end
if findings > 0 then
  fail.exit(1)
end
