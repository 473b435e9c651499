-- Container images of several architectures as one: an index, by which a runtime takes the image of its machine.
--   https://github.com/opencontainers/image-spec, image-index.md
local archive = require "bq.archive"
local digest = require "bq.digest"
local fail = require "bq.fail"
local fs = require "bq.fs"
local json = require "bq.json"
local oci = require "bq.image.oci"
local schema = require "bq.schema"
local visible = require "bq.visible"

local oci_index = {}

-- What is taken of an image: its content. What says which image it is, is made anew.
local BLOBS <const>, LIST <const> = "blobs", "index.json"

local TEXT <const> = schema.text { max = 1000 }

--- What is read of an image: there may be more.
---@type bq.schema.Format
local FORMAT <const> = {
  what = "the index of an image",
  limit = 1 << 22,
  hint = "make it by `bq scripts/build_qcow2.lua --format oci`",
  kind = schema.record {
    manifests = schema.list(schema.record {
      mediaType = TEXT,
      digest = schema.text { max = 71, pattern = "sha256:%x+", what = "a digest by SHA-256" },
      size = schema.whole(1),
      ["platform?"] = schema.record { architecture = TEXT, ["variant?"] = TEXT, ["os?"] = TEXT },
      ["annotations?"] = schema.map(TEXT),
    }),
  },
}

--- The one image of an archive.
---@param path string
---@return table descriptor
local function image_of(path)
  local ok, text = pcall(archive.read, path, LIST)
  if not ok or not text then
    fail.raise(("`%s` is no container image"):format(visible(path)), {
      cause = not ok and text or "it has no index.json",
      hint = FORMAT.hint,
    })
  end
  local manifests = schema.parse(text, path, FORMAT).manifests
  local one = manifests[1]
  if #manifests ~= 1 or not one.platform then
    fail.raise(
      ("`%s` does not have one image that says its architecture"):format(visible(path)),
      { hint = FORMAT.hint }
    )
  end
  local blob = archive.read(path, ("%s/sha256/%s"):format(BLOBS, one.digest:match ":(.*)"))
  if not blob or #blob ~= one.size or "sha256:" .. digest.sha256(blob) ~= one.digest then
    fail.raise(
      ("the manifest of `%s` is not there, or not what its index says"):format(visible(path)),
      { hint = FORMAT.hint }
    )
  end
  return one
end

---@class bq.image.OciIndex
---@field images string[] archives, each of another architecture
---@field output string
---@field folder string an empty one to work in
---@field name? string `NAME` or `NAME:TAG`; that of the first image if absent

--- Writes an index of images. The same images give the same bytes, in any order if a name is given.
---@param options bq.image.OciIndex
---@return bq.archive.Packed
---@return string[] architectures
function oci_index.write(options)
  local manifests, names, name = json.array {}, {}, options.name ---@type table[], string[], string?
  local of = {} ---@type table<string, string> archives by architecture
  for _, path in ipairs(options.images) do
    local one = image_of(path)
    local architecture = one.platform.architecture
    if of[architecture] then
      fail.raise(
        ("`%s` and `%s` are both for %s"):format(visible(of[architecture]), visible(path), visible(architecture))
      )
    end
    name = name or (one.annotations or {})[oci.NAME]
    of[architecture], names[#names + 1] = path, architecture
    one.annotations = nil
    manifests[#manifests + 1] = one
  end
  table.sort(names)
  table.sort(manifests, function(a, b)
    return a.platform.architecture < b.platform.architecture
  end)
  for _, architecture in ipairs(names) do
    archive.extract {
      path = of[architecture] --[[@as string]],
      target = options.folder .. "/" .. BLOBS,
      strip = 1,
      include = { "sha256" },
      merge = true,
    }
  end
  local index = json.encode { schemaVersion = 2, mediaType = oci.INDEX, manifests = manifests }
  local sum = digest.sha256(index)
  fs.write(("%s/%s/sha256/%s"):format(options.folder, BLOBS, sum), index, { sync = false })
  local whole = { mediaType = oci.INDEX, digest = "sha256:" .. sum, size = #index }
  if name then
    whole.annotations = { [oci.NAME] = oci.tagged(name) }
  end
  fs.write(options.folder .. "/oci-layout", oci.LAYOUT, { sync = false })
  fs.write(
    ("%s/%s"):format(options.folder, LIST),
    json.encode { schemaVersion = 2, mediaType = oci.INDEX, manifests = json.array { whole } },
    { sync = false }
  )
  return archive.pack {
    output = options.output,
    sources = { { path = options.folder } },
    compression = "none",
    mtime = 0,
  },
    names
end

return oci_index
