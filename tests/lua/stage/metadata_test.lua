-- The files by which a root or a disk tells how it was built, which may be somebody else's.
local check = require "check"
local fail = require "bq.fail"
local finish = require "bq.stage.finish"
local json = require "bq.json"
local metadata = require "bq.stage.metadata"
local schema = require "bq.schema"
local scratch = require "scratch"

local SHA256 <const> = ("0a"):rep(32)

local function package(changes)
  local one = { phase = "rootfs", name = "zlib", version = "1.3.1", license = "Zlib", key = "0a", output = SHA256 }
  for field, value in pairs(changes or {}) do
    one[field] = value
  end
  return one
end

local function file(changes)
  local one = { path = "etc/name", type = "file", mode = 420, size = 3, package = "base", licence = "MIT" }
  for field, value in pairs(changes or {}) do
    one[field] = value
  end
  return one
end

local GOOD <const> = {
  ["image.json"] = {
    schema = 1,
    arch = "x86_64",
    epoch = 1000,
    root = "ext4",
    label = "bq",
    kernel = SHA256,
    packages = { package() },
  },
  ["manifest.json"] = { root = SHA256, files = { file() }, packages = { package() } },
  ["sbom.json"] = { bomFormat = "CycloneDX" },
  ["lock.json"] = { seed = { id = "finished", digest = SHA256 }, sources = { a = { sha256 = SHA256, file = "a.tar" } } },
}

--- What is wrong with a file of a disk when some of its fields are others.
local function problem(name, changes)
  local value = {}
  for field, text in pairs(GOOD[name]) do
    value[field] = text
  end
  for field, text in pairs(changes) do
    value[field] = text
  end
  for _, one in ipairs(metadata.OF_DISKS) do
    if one.name == name then
      return schema.problem(json.decode(json.encode(value)), one.format.kind)
    end
  end
end

check.run {
  {
    "what bq writes is right",
    function()
      for name in pairs(GOOD) do
        check.equal(problem(name, {}), nil, name)
      end
      check.equal(problem("manifest.json", { root = nil, mine = true }), nil)
    end,
  },
  {
    "what is wrong is named",
    function()
      for _, case in ipairs {
        { "image.json", { kernel = 1 }, "`kernel` is a number, expected 64 hexadecimal digits" },
        { "image.json", { schema = 0 }, "`schema` is 0, expected a number from 1 to 9223372036854775807" },
        { "image.json", { label = ("x"):rep(17) }, "`label` has 17 bytes, at most 16 are allowed" },
        {
          "image.json",
          { packages = { package { output = "x" } } },
          "`packages[1].output` is not 64 hexadecimal digits",
        },
        {
          "image.json",
          { packages = { package { version = 1 } } },
          "`packages[1].version` is a number, expected a text",
        },
        { "image.json", { packages = "x" }, "`packages` is a text, expected a list" },
        { "manifest.json", { root = "x" }, "`root` is not 64 hexadecimal digits" },
        { "manifest.json", { files = { file { path = "../x" } } }, "`files[1].path` is not a path in a tree" },
        {
          "manifest.json",
          { files = { file { mode = 4096 } } },
          "`files[1].mode` is 4096, expected a number from 0 to 4095",
        },
        {
          "manifest.json",
          { files = { file { mode = 1.5 } } },
          "`files[1].mode` is a number, expected a whole number",
        },
        {
          "manifest.json",
          { files = { file { uid = -1 } } },
          "`files[1].uid` is -1, expected a number from 0 to 4294967294",
        },
        {
          "manifest.json",
          { files = { file { capabilities = "all" } } },
          "`files[1].capabilities` is not hexadecimal digits",
        },
        { "lock.json", { seed = { id = 1 } }, "`seed.id` is a number, expected a text" },
        {
          "lock.json",
          { sources = { a = { sha256 = SHA256, file = "../a" } } },
          '`sources["a"].file` is not the name of a file',
        },
      } do
        check.equal(problem(case[1], case[2]), case[3])
      end
      for _, one in ipairs(metadata.OF_DISKS) do
        check.equal(schema.problem(json.decode "[1]", one.format.kind), "it is a list, expected a map", one.name)
      end
    end,
  },
  {
    "the manifest of a folder that becomes a disk is checked",
    function()
      local path = "tree/var/lib/bq/manifest.json"
      check.equal(finish.attributes "tree", nil)
      scratch.write(path, json.encode { files = { file { uid = 5, mode = 2541 }, file { path = "a" } } })
      check.equal(finish.attributes "tree", { ["etc/name"] = { uid = 5, mode = 2541 } })
      for text, wanted in pairs {
        ["{"] = "caused by: decode: ",
        ["[1]"] = "caused by: it is a list, expected a map",
        [json.encode { files = { file { mode = "0755" } } }] = "caused by: `files[1].mode` is a text, expected a whole number",
      } do
        scratch.write(path, text)
        local err = check.raises(function()
          finish.attributes "tree"
        end)
        local lines = fail.lines(err)
        check.equal(lines[1], ("error: cannot read the manifest `%s`"):format(path))
        check.contains(lines[2], wanted)
      end
    end,
  },
}
