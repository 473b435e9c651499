-- Container images of two architectures as one.
local archive = require "bq.archive"
local check = require "check"
local digest = require "bq.digest"
local fail = require "bq.fail"
local files = require "bq.files"
local fs = require "bq.fs"
local json = require "bq.json"
local oci = require "bq.image.oci"
local oci_index = require "bq.image.oci_index"
local scratch = require "scratch"

--- An image with a file that says its architecture.
local function image(arch, name)
  local tree = ("root-%s"):format(arch)
  scratch.write(tree .. "/etc/arch", arch)
  fs.mkdir("work-" .. arch)
  oci.write {
    tree = { sources = { { path = tree } }, attributes = {}, entries = {} },
    folder = "work-" .. arch,
    output = arch .. ".oci",
    arch = arch,
    epoch = 1000000000,
    name = name,
    container = { command = { "sh" } },
  }
end

local function joined(output, images, name)
  fs.remove_all "folder"
  fs.mkdir "folder"
  return oci_index.write { images = images, output = output, folder = "folder", name = name }
end

local function read(path, name)
  return assert(archive.read(path, name), name)
end

image("x86_64", "mine:1")
image("aarch64", "mine:1")

check.run {
  {
    "both are in it, each by its architecture",
    function()
      local _, names = joined("both.oci", { "x86_64.oci", "aarch64.oci" })
      check.equal(names, { "amd64", "arm64" })
      local top = json.decode(read("both.oci", "index.json")).manifests
      check.equal({ #top, top[1].annotations["org.opencontainers.image.ref.name"] }, { 1, "mine:1" })
      local function blob(described)
        local text = read("both.oci", "blobs/sha256/" .. described.digest:match "^sha256:(%x+)$")
        check.equal({ "sha256:" .. digest.sha256(text), #text }, { described.digest, described.size })
        return text
      end
      local index = json.decode(blob(top[1]))
      check.equal(index.mediaType, top[1].mediaType)
      local found = {}
      for number, one in ipairs(index.manifests) do
        local manifest = json.decode(blob(one))
        check.equal(json.decode(blob(manifest.config)).architecture, one.platform.architecture)
        fs.write("layer", blob(manifest.layers[1]))
        found[number] = { one.platform.architecture, one.platform.variant or false, archive.read("layer", "etc/arch") }
      end
      check.equal(found, { { "amd64", false, "x86_64" }, { "arm64", "v8", "aarch64" } })
    end,
  },
  {
    "the same images give the same bytes, in any order",
    function()
      local first = joined("one.oci", { "x86_64.oci", "aarch64.oci" }, "other")
      local second = joined("two.oci", { "aarch64.oci", "x86_64.oci" }, "other")
      check.equal(first.sha256, second.sha256)
      check.equal(read("one.oci", "index.json"):find('"other:latest"', 1, true) ~= nil, true)
    end,
  },
  {
    "what cannot be joined is named",
    function()
      scratch.write("text", "no image")
      joined("both.oci", { "x86_64.oci", "aarch64.oci" })
      -- One that says things that are not so.
      local function odd(name, text)
        scratch.write(name .. "/index.json", text)
        archive.pack { output = name .. ".oci", sources = { { path = name } } }
      end
      odd("number", '{"manifests":5}')
      odd("empty", read("aarch64.oci", "index.json"))
      for _, case in ipairs {
        { { "x86_64.oci", "x86_64.oci" }, "error: `x86_64.oci` and `x86_64.oci` are both for amd64" },
        { { "x86_64.oci", "number.oci" }, "error: cannot read the index of an image `number.oci`" },
        {
          { "x86_64.oci", "empty.oci" },
          "error: the manifest of `empty.oci` is not there, or not what its index says",
        },
        { { "x86_64.oci", "text" }, "error: `text` is no container image" },
        { { "x86_64.oci", "both.oci" }, "error: `both.oci` does not have one image that says its architecture" },
      } do
        local ok, err = pcall(joined, "wrong.oci", case[1])
        check.equal({ ok, fail.lines(err)[1] }, { false, case[2] })
        check.equal(fs.stat "wrong.oci", nil)
      end
      check.equal(files.read "text", "no image")
    end,
  },
}
