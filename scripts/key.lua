#!/usr/bin/env bq
-- Makes a key that signs outputs, and shows the line by which others trust it.
local args = require "bq.args"
local fail = require "bq.fail"
local files = require "bq.files"
local log = require "bq.log"
local signature = require "bq.share.signature"

local options = args.parse({
  about = "Makes a key that signs outputs, unless the file is there; shows the line for files of `--trust`.",
  group = "share",
  usage = "bq scripts/key.lua FILE [OPTIONS]",
  positional = "FILE",
  options = {
    { name = "name", value = "NAME", help = "what the key is called; the name of the file if absent" },
  },
}, arg)
if #options ~= 1 then
  fail.usage("which file?", "`bq scripts/key.lua ~/.config/bq/key`")
end
local name = options.name or files.name(options[1])
if name:find "[%s#]" then
  fail.usage(("`%s` has a space in it"):format(name), "choose another name by `--name NAME`")
end
log.out(("%s ed25519:%s"):format(name, signature.make_key(options[1])))
