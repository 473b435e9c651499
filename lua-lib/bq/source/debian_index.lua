-- The indexes of source packages of Debian's suites, which the machine's apt fetches and verifies in a folder of ours. The
-- machine's own sources list needs no `deb-src` line.
local apt = require "bq.source.apt"
local debian_archive = require "bq.source.debian_archive"
local fail = require "bq.fail"
local files = require "bq.files"
local fs = require "bq.fs"
local version = require "bq.source.version"

local debian_index = {}

---@class bq.DebianFile
---@field name string
---@field path string of the archive: `pool/…`
---@field sha256 string
---@field size integer bytes

---@class bq.DebianSource
---@field ["package"] string
---@field version string Debian's
---@field upstream string the release of the original
---@field files bq.DebianFile[]
---@field all bq.DebianSource[] the entries of this package, this one too: a suite keeps older ones as long as they are needed

--- Reads an index: the newest entry of each package, with the others in `all`.
---@param text string of a `Sources` file
---@param into? table<string, bq.DebianSource> by package; gets the newer of what it has and what the text has
---@return table<string, bq.DebianSource>
function debian_index.parse(text, into)
  local out = into or {}
  for stanza in (text .. "\n\n"):gmatch "(.-)\n\n+" do
    local fields = "\n" .. stanza .. "\n"
    local package, debian = fields:match "\nPackage: (%S+)\n", fields:match "\nVersion: (%S+)\n"
    local folder, sums = fields:match "\nDirectory: (%S+)\n", fields:match "\nChecksums%-Sha256: ?\n(.-\n)%f[^\n ]"
    local known = package and out[package]
    if package and debian and folder and sums then
      local all = known and known.all or {}
      local one = { package = package, version = debian, upstream = version.upstream(debian), files = {}, all = all }
      all[#all + 1] = one
      for sha256, size, name in sums:gmatch " (%x+) (%d+) (%S+)\n" do
        table.insert(
          one.files,
          { name = name, path = folder .. "/" .. name, sha256 = sha256, size = math.tointeger(size) }
        )
      end
      if not known or version.compare(debian, known.version) > 0 then
        out[package] = one
      end
    end
  end
  return out
end

--- The source packages of a suite.
---@param suite string
---@param folder string for apt's files, which are kept for the next time
---@return table<string, bq.DebianSource> by package
function debian_index.of(suite, folder)
  local reason, hint = apt.reason_against()
  if reason then
    fail.raise("the indexes of Debian cannot be read", { cause = reason, hint = hint })
  end
  local out, place = {}, folder .. "/" .. suite
  local options = apt.options(place)
  options[#options + 1] = "-oAcquire::GzipIndexes=false"
  local mirror = debian_archive.mirrors()[1]
  local archive = suite:find "%-security$" and debian_archive.security(mirror) or mirror
  apt.write_sources(place, "deb-src", archive, suite)
  apt.get(options, { "update" }, "read the index of Debian " .. suite)
  for _, name in ipairs(files.list(place .. "/state/lists")) do
    if name:find "_source_Sources$" then
      debian_index.parse(fs.read(place .. "/state/lists/" .. name), out)
    end
  end
  return out
end

return debian_index
