-- The indexes of source packages of Debian's suites. The machine's apt fetches and verifies them in a folder of ours, and
-- bq does it on a machine without apt. The machine's own sources list needs no `deb-src` line.
local apt = require "bq.source.apt"
local debian_archive = require "bq.source.debian_archive"
local fail = require "bq.fail"
local files = require "bq.files"
local fs = require "bq.fs"
local signed_index = require "bq.source.signed_index"
local tables = require "bq.tables"
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

--- The suites that can have what recipes use, the newest first.
debian_index.SUITES = { "sid", "forky", "trixie-security", "trixie-updates", "trixie" }

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

--- The archive of a suite: security updates are in an archive of their own, beside the main one.
local function archive_of(suite, mirror)
  return suite:find "%-security$" and debian_archive.security(mirror) or mirror
end

--- Why no index can be verified on this machine, and one thing to do; `nil` if it can.
---@param keyring? string
---@return string? reason
---@return string? hint
function debian_index.reason_against(keyring)
  if apt.is_available() then
    return apt.reason_against(keyring)
  end
  return signed_index.reason_against(keyring or apt.KEYRING)
end

---@class bq.DebianIndexChoices
---@field mirror? string the address of Debian's archive; the first that this machine knows if absent
---@field keyring? string the keys that sign the suites; those of Debian's package if absent

--- The source packages of a suite.
---@param suite string
---@param folder string for files that are kept for the next time
---@param choices? bq.DebianIndexChoices
---@return table<string, bq.DebianSource> by package
function debian_index.of(suite, folder, choices)
  choices = choices or {}
  local keyring = choices.keyring or apt.KEYRING
  local reason, hint = debian_index.reason_against(keyring)
  if reason then
    fail.raise("the indexes of Debian cannot be read", { cause = reason, hint = hint })
  end
  local mirror = archive_of(suite, choices.mirror or debian_archive.mirrors()[1])
  local out, place = {}, folder .. "/" .. suite
  if not apt.is_available() then
    return debian_index.parse(signed_index.text(suite, mirror, place, keyring))
  end
  local options = apt.options(place)
  tables.append(options, { "-oAcquire::GzipIndexes=false", "-oAPT::Update::Error-Mode=any" })
  apt.write_sources(place, "deb-src", mirror, suite, keyring)
  apt.get(options, { "update" }, "read the index of Debian " .. suite)
  for _, name in ipairs(files.list(place .. "/state/lists")) do
    if name:find "_source_Sources$" then
      debian_index.parse(fs.read(place .. "/state/lists/" .. name), out)
    end
  end
  return out
end

return debian_index
