-- Debian's archive: the mirrors that have it, and where a file is in its pool.
local apt = require "bq.source.apt"

local debian_archive = {}

-- The mirror that everybody can reach.
local USUAL = "https://deb.debian.org/debian"

--- The addresses of the archive, the nearest first: the mirrors that this machine's apt knows, if it has one, and the usual one.
---@return string[]
function debian_archive.mirrors()
  local out = {}
  for _, mirror in ipairs(apt.mirrors()) do
    if mirror:find "^https?://" then
      out[#out + 1] = mirror
    end
  end
  out[#out + 1] = USUAL
  return out
end

--- The address of a file.
---@param mirror string
---@param path string of the archive: `pool/main/z/zlib/zlib_1.3.1.orig.tar.gz`
---@return string
function debian_archive.url(mirror, path)
  return mirror .. "/" .. path:gsub("%+", "%%2B")
end

--- The source package that a place is of.
---@param place { debian: string, package?: string } a place of a recipe
---@return string
function debian_archive.package(place)
  return place.package or place.debian:match "^(.-)_"
end

--- Where a file of a source package is in the pool (Debian policy: packages whose name starts with `lib` by four letters).
---@param place { debian: string, package?: string } a place of a recipe
---@return string
function debian_archive.pool(place)
  local package = debian_archive.package(place)
  return ("pool/main/%s/%s/%s"):format(package:match "^lib." or package:sub(1, 1), package, place.debian)
end

--- The archive of security updates beside a mirror. A file is there only, until the next point release has it.
---@param mirror string
---@return string? mirror `nil` if there is none: by custom it is `debian-security` beside `debian`
function debian_archive.security(mirror)
  local found, count = mirror:gsub("/debian$", "/debian-security")
  return count > 0 and found or nil
end

--- The addresses of a file of a source package, in the order in which they are asked.
---@param place { debian: string, package?: string } a place of a recipe
---@param mirrors? string[] `debian_archive.mirrors()` if absent
---@return string[]
function debian_archive.urls(place, mirrors)
  local out, path = {}, debian_archive.pool(place)
  mirrors = mirrors or debian_archive.mirrors()
  for index, mirror in ipairs(mirrors) do
    out[index] = debian_archive.url(mirror, path)
  end
  for _, mirror in ipairs(mirrors) do
    local security = debian_archive.security(mirror)
    out[#out + 1] = security and debian_archive.url(security, (path:gsub("^pool/", "pool/updates/")))
  end
  return out
end

return debian_archive
