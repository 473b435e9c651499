-- Compressed files that are no archive.
local archive = require "bq.archive"
local check = require "check"
local fs = require "bq.fs"
local scratch = require "scratch"

local function raised(...)
  local words = table.pack(...)
  return check.raises(function()
    archive.decompress(table.unpack(words))
  end)
end

check.run {
  {
    "every compression, and none",
    function()
      scratch.write("tree/a", ("text\n"):rep(1000))
      for _, name in ipairs { "gzip", "zstd", "none" } do
        archive.pack { output = name, compression = name, sources = { { path = "tree" } } }
      end
      check.equal(archive.decompress "none", fs.read "none")
      check.equal(archive.decompress "gzip", fs.read "none")
      check.equal(archive.decompress "zstd", fs.read "none")
      fs.write("empty", "")
      check.equal(archive.decompress "empty", "")
    end,
  },
  {
    "what is damaged, cut off or too large",
    function()
      local whole = fs.read "gzip"
      fs.write("cut", whole:sub(1, -20))
      local err = raised "cut"
      check.equal({ err.op, err.path, err.code }, { "decompress", "cut", "truncated" })
      fs.write("damaged", whole:sub(1, 20) .. "damaged" .. whole:sub(28))
      check.equal(raised("damaged").op, "decompress")
      local size = #fs.read "none"
      check.equal(#archive.decompress("gzip", { max_bytes = size }), size)
      err = raised("gzip", { max_bytes = size - 1 })
      check.equal({ err.op, err.path, err.code }, { "decompress", "gzip", "limit" })
      check.equal(raised("none.gz").code, "ENOENT")
      check.equal(raised("tree").code, "not_a_file")
    end,
  },
}
