-- The files by which a root or a disk tells how it was built. They may be somebody else's: a rootfs tarball keeps its own.
local form = require "bq.plan.form"
local schema = require "bq.schema"
local workspace = require "bq.workspace"

local metadata = {}

local text, list = schema.text(), schema.list

local PACKAGES <const> = list(schema.record {
  phase = schema.NAME,
  name = schema.NAME,
  version = schema.text { max = 100 },
  license = text,
  key = schema.KEY,
  output = schema.SHA256,
})

local FILES <const> = list(schema.record {
  path = schema.PATH,
  type = schema.text { max = 10, pattern = "%l+", what = "a kind of file" },
  mode = schema.MODE,
  size = schema.whole(),
  package = text,
  ["licence?"] = text,
  ["digest?"] = schema.SHA256,
  ["target?"] = text,
  ["uid?"] = schema.ID,
  ["gid?"] = schema.ID,
  ["capabilities?"] = schema.CAPABILITIES,
})

--- The manifest: of a finished root its files, of a disk its packages.
---@type bq.schema.Format
metadata.MANIFEST = {
  what = "the manifest",
  -- A root of a hundred thousand files has 30 MiB of them.
  limit = 1 << 28,
  kind = schema.record {
    ["root?"] = schema.SHA256,
    ["files?"] = FILES,
    ["packages?"] = PACKAGES,
  },
}

--- The record of a disk.
---@type bq.schema.Format
local IMAGE <const> = {
  what = "the record of a disk",
  limit = 1 << 26,
  kind = schema.record {
    schema = schema.whole(1),
    arch = schema.NAME,
    epoch = schema.whole(),
    root = schema.NAME,
    label = schema.text { max = 16 },
    kernel = schema.SHA256,
    ["rootfs?"] = schema.SHA256,
    ["bq?"] = schema.SHA256,
    packages = PACKAGES,
  },
}

--- The bill of materials. Nothing in it is used.
---@type bq.schema.Format
local BILL <const> = { what = "the bill of materials", limit = 1 << 28, kind = schema.any_map() }

--- A format without its hint, which says what to do in a workspace.
local function elsewhere(format)
  return { what = format.what, limit = format.limit, kind = format.kind }
end

--- Each file of a disk, in the order in which they are shown.
---@type { name: string, format: bq.schema.Format }[]
metadata.OF_DISKS = {
  { name = "image.json", format = IMAGE },
  { name = "manifest.json", format = metadata.MANIFEST },
  { name = "sbom.json", format = BILL },
  { name = "plan.json", format = elsewhere(form.ANY_FORMAT) },
  { name = "lock.json", format = elsewhere(workspace.LOCK) },
}

return metadata
