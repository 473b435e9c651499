local bom = require "bq.stage.bom"
local check = require "check"
local identity = require "bq.source.identity"

--- The bill of one package.
---@return table
local function bill(step, locked)
  return bom.make({ arch = "x86_64", target = "t", epoch = 0 }, { step }, locked, {}, ("0"):rep(64), ("0"):rep(64))
end

local function package(changes)
  local step = { id = "one/a", name = "a", version = "1", license = "MIT", phase = "one", sources = {}, depends = {} }
  for field, value in pairs(changes) do
    step[field] = value
  end
  return step
end

check.run {
  {
    "what is special in a package URL is encoded",
    function()
      local function purl(name, version)
        return bill(package { name = name, version = version }, {}).components[1].purl
      end
      check.equal(purl("zlib", "1.3.1"), "pkg:generic/zlib@1.3.1")
      check.equal(purl("libstdc++", "1.0+git~2"), "pkg:generic/libstdc%2B%2B@1.0%2Bgit~2")
      check.equal(purl("a_b-c", "1:2"), "pkg:generic/a_b-c@1:2")
    end,
  },
  {
    "a licence that SPDX does not know is told by its name",
    function()
      check.equal(bill(package {}, {}).components[1].licenses, { { expression = "MIT" } })
      local one = bill(package { license = "Custom: see COPYING" }, {}).components[1] ---@type table
      check.equal(one.licenses, { { license = { name = "Custom: see COPYING" } } })
    end,
  },
  {
    "all sources are told, and each with its digest",
    function()
      local step = package { sources = { main = {}, docs = {} } }
      local locked = {
        [identity.id(step, "main")] = { sha256 = "m", file = "main.tar" },
        [identity.id(step, "docs")] = { sha256 = "d", file = "docs.tar" },
      }
      local said = {}
      for _, property in ipairs(bill(step, locked).components[1].properties) do
        said[#said + 1] = property.name .. "=" .. property.value
      end
      check.equal(
        table.concat(said, " "),
        "bq:phase=one bq:target=t bq:source:docs=docs.tar bq:source:docs:sha256=d bq:source=main.tar bq:source:sha256=m"
      )
    end,
  },
  {
    "the sources of a package come in the order of their names",
    function()
      local sources = {}
      for index = 30, 1, -1 do
        local name = ("s%02d"):format(index)
        sources[name] = { { url = "https://example.org/" .. name, sha256 = name } }
      end
      local step = {
        id = "one/many",
        name = "many",
        version = "1",
        license = "MIT",
        phase = "one",
        sources = sources,
        depends = {},
      }
      local locked = {}
      for name in pairs(sources) do
        locked[identity.id(step, name)] = { sha256 = name, file = name }
      end
      local made = bom.make({ arch = "x86_64", target = "t", epoch = 0 }, { step }, locked, {}, ("0"):rep(64), "p")
      local urls = {}
      for index, reference in ipairs(made.components[1].externalReferences) do
        urls[index] = reference.url
      end
      check.equal(#urls, 30)
      for index, url in ipairs(urls) do
        check.equal(url, ("https://example.org/s%02d"):format(index))
      end
    end,
  },
}
