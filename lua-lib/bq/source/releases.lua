-- Which releases of a package there are: in Debian's suites, and in the folder of its home site.
local fetch = require "bq.fetch"
local files = require "bq.files"
local fs = require "bq.fs"
local version = require "bq.source.version"

local releases = {}

--- The newest release of a package in a suite. A package that has its release in its name, such as `llvm-toolchain-18`, may
--- have been followed by one of another name.
---@param suite table<string, bq.DebianSource>
---@param package string
---@return bq.DebianSource?
function releases.newest(suite, package)
  local found, stem = suite[package], package:match "^(.-%-)%d+$"
  for name, one in pairs(stem and suite or {}) do
    local is_same = name:sub(1, #stem) == stem and name:find("^%d+$", #stem + 1)
    if is_same and (not found or version.compare(one.upstream, found.upstream) > 0) then
      found = one
    end
  end
  return found
end

--- The newest file of a release, by the pattern of its name, and the package that it is of.
---@param offered bq.DebianSource[]
---@param release string
---@param pattern string
---@return bq.DebianFile?
---@return string? package
function releases.file(offered, release, pattern)
  local found, source
  for _, one in ipairs(offered) do
    for _, file in ipairs(one.upstream == release and one.files or {}) do
      if file.name:find(pattern) and (not source or version.compare(one.version, source.version) > 0) then
        found, source = file, one
      end
    end
  end
  return found, source and source.package
end

--- The releases that are newer than one, the newest first.
---@param offered bq.DebianSource[]
---@param old string
---@param without string a release that is not listed
---@return string[]
function releases.newer(offered, old, without)
  local out, seen = {}, { [without] = true }
  for _, one in ipairs(offered) do
    if not seen[one.upstream] and version.compare(one.upstream, old) > 0 then
      seen[one.upstream] = true
      out[#out + 1] = one.upstream
    end
  end
  table.sort(out, function(a, b)
    return version.compare(a, b) > 0
  end)
  return out
end

--- The newest release in a text that lists files, as the page of a folder does.
---@param text string
---@param file string the name of a file, with `{version}` in it
---@return string? version
function releases.listed(text, file)
  local before, after = file:match "^(.*){version}(.*)$"
  if not before or after:find("{version}", 1, true) then
    return nil
  end
  local newest
  local pattern = (before:gsub("{version}", ""):gsub("%p", "%%%0")) .. "(%d[%w.]*)" .. after:gsub("%p", "%%%0")
  for found in text:gmatch(pattern) do
    if not newest or version.compare(found, newest) > 0 then
      newest = found
    end
  end
  return newest
end

--- The newest release in the folder of a home site, where that site shows its folders.
---@param url string of a file, with `{version}` in its name only
---@param folder string for the page
---@return string? version
---@return string? problem why there is none
function releases.at_home(url, folder)
  local place, file = url:match "^(.*/)([^/]*)$"
  if not place or place:find("{version}", 1, true) or not file:find("{version}", 1, true) then
    return nil, "its folder has the release in its name"
  end
  local path = folder .. "/page"
  fs.remove(path)
  local result =
    fetch.fetch({ files = { { urls = { place }, path = path, name = place } }, retries = 0, max_size = 16 << 20 })[1]
  if not result.ok then
    local last = result.attempts[#result.attempts]
    return nil, last and last.message or "it could not be fetched"
  end
  local found = releases.listed(files.read(path) or "", file)
  fs.remove(path)
  return found, not found and "its page lists no such file" or nil
end

return releases
