local bom = require "bq.stage.bom"
local check = require "check"

check.run {
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
      local source = require "bq.source.source"
      local locked = {}
      for name in pairs(sources) do
        locked[source.id(step, name)] = { sha256 = name, file = name }
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
