#!/usr/bin/env bq
-- Joins container images of several architectures: a runtime takes that of its machine.
local args = require "bq.args"
local fail = require "bq.fail"
local files = require "bq.files"
local fs = require "bq.fs"
local log = require "bq.log"
local oci = require "bq.image.oci"
local oci_index = require "bq.image.oci_index"
local report = require "bq.report"

local options = args.parse({
  group = "make",
  about = "Joins container images of several architectures to one, of which a runtime takes that of its machine.",
  usage = "bq scripts/oci_index.lua IMAGE IMAGE... --output FILE",
  positional = "IMAGE",
  options = {
    { name = "output", value = "FILE", writes = true, help = "the archive to write" },
    { name = "name", value = "NAME[:TAG]", help = "what it is called; as the first image if absent" },
  },
}, arg)
if #options < 2 then
  fail.usage("which images?", "`bq scripts/oci_index.lua x86_64.oci aarch64.oci --output both.oci`")
end
local output = options.output or fail.usage("where to?", "`--output both.oci`")
local parent = fs.stat(files.parent(output))
if not parent or parent.type ~= "dir" then
  fail.usage(("`--output %s`: there is no such folder"):format(output))
elseif options.name and not oci.is_name(options.name) then
  fail.usage(("`--name %s` is no name of a container image"):format(options.name), "use small letters: `NAME:TAG`")
end
local there = fs.stat(output)
for _, path in ipairs(options) do
  local stat = fs.stat(path)
  if not stat or stat.type ~= "file" then
    fail.usage(("`%s`: there is no such file"):format(path))
  elseif there and there.dev == stat.dev and there.ino == stat.ino then
    fail.usage(("`--output %s`: it is one of the images"):format(output))
  end
end
local folder = fs.mkdtemp(files.parent(output) .. "/.bq-index-")
local ok, packed, names = pcall(oci_index.write, {
  images = { table.unpack(options) },
  output = output,
  folder = folder,
  name = options.name,
})
fs.remove_all(folder)
if not ok then
  error(packed, 0)
end
log.info(
  ("%s: %s, for %s, sha256 %s"):format(output, report.size(packed.size), table.concat(names, " and "), packed.sha256)
)
