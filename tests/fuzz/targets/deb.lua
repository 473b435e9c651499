-- The .deb reader: an `ar` of members around the archive reader.
local archive = require "bq.archive"
local fs = require "bq.fs"
local tar = require "targets.archive"

-- stylua: ignore
local target = {
  words = { "!<arch>\n", "debian-binary   ", "control.tar.gz  ", "data.tar.xz     ", "data.tar        ", "data.tar/       ", "_extra          ", "`\n", "2.0\n", "3.0\n", "100644  ", "9999999999", "-1        ", "0         ", "4         " },
}

local function member(name, content)
  return ("%-16s%-12d%-6d%-6d%-8s%-10d`\n"):format(name, 0, 0, 0, "100644", #content)
    .. content
    .. (#content % 2 == 1 and "\n" or "")
end

function target.seeds()
  fs.mkdir "plain/usr"
  fs.write("plain/usr/f", "content")
  local list = {}
  for _, one in ipairs { { "none", "" }, { "gzip", ".gz" }, { "zstd", ".zst" } } do
    archive.pack { output = "seed", sources = { { path = "plain" } }, compression = one[1] }
    local data = fs.read "seed"
    list[#list + 1] = "!<arch>\n"
      .. member("debian-binary", "2.0\n")
      .. member("control.tar.gz", "xyz")
      .. member("data.tar" .. one[2], data)
    list[#list + 1] = "!<arch>\n"
      .. member("debian-binary/", "2.1\nmore\n")
      .. member("_gpg", "x")
      .. member("data.tar" .. one[2] .. "/", data)
      .. member("_after", "x")
  end
  return list
end

target.prepare, target.try, target.mend = tar.prepare, tar.try, nil

return target
