#!/usr/bin/env bq
-- Fetches every place that a recipe names, and prints the digest of what came: for pinning.
local apt = require "bq.source.apt"
local args = require "bq.args"
local prepare = require "bq.stage.prepare"
local digest = require "bq.digest"
local fail = require "bq.fail"
local fetch = require "bq.fetch"
local files = require "bq.files"
local fs = require "bq.fs"
local interpolate = require "bq.plan.interpolate"
local log = require "bq.log"
local recipe = require "bq.plan.recipe"
local workspace = require "bq.workspace"

local options = args.parse({
  about = "Fetches the sources of recipes and prints their SHA-256, beside what the recipes say.",
  usage = "bq scripts/hash_sources.lua NAME...",
  options = {
    { name = "unpinned", help = "fetch nothing: list the places of all recipes that have no digest" },
    { name = "recipes", value = "DIR", many = true, help = "a folder of recipes that go before the bundled ones" },
    { name = "workspace", value = "DIR", help = "the folder of the build [default: data/sysroot]" },
  },
  positional = "NAME...",
}, arg)

local recipes = recipe.collection(prepare.recipe_folders(options.recipes))

--- Every place of a recipe's sources, interpolated.
local function places(found)
  local out = {}
  for source, alternatives in pairs(recipe.sources(found.data)) do
    for _, one in ipairs(alternatives) do
      local place = interpolate(one, { name = found.name, version = found.data.version })
      place.source = source
      out[#out + 1] = place
    end
  end
  return out
end

local function must_get(name)
  local found = recipes:get(name)
  recipes:check()
  return found or fail.usage(("no recipe `%s`"):format(name), "`bq scripts/build_sysroot.lua --dry-run` lists those of the plan")
end

if options.unpinned then
  for _, name in ipairs(recipes:names()) do
    for _, place in ipairs(places(must_get(name))) do
      if not place.sha256 then
        log.out(("%-18s %s"):format(name, place.url or place.debian))
      end
    end
  end
  fail.exit(0)
elseif #options == 0 then
  fail.usage("which recipe?", "usage: `bq scripts/hash_sources.lua NAME...`")
end

--- Fetches one place into a folder; the path, or `nil` and why not.
local function get(place, folder)
  local path = folder .. "/" .. files.name(place.url or place.debian)
  fs.remove(path)
  if place.url then
    local result = fetch.fetch({ files = { { urls = { place.url }, path = path } }, retries = 2 })[1]
    local last = result.attempts[#result.attempts]
    return result.ok and path or nil, last and last.message
  end
  local mirror = apt.is_available() and apt.mirrors()[1]
  if not mirror then
    return nil, "this machine has no apt with a Debian mirror"
  elseif not place.sha256 then
    return nil, "apt's helper wants a digest; take it from the archive's signed index: `apt-get source --print-uris`"
  end
  local file = { uri = apt.pool_uri(mirror, place.package or place.debian:match "^(.-)_", place.debian), path = path, sha256 = place.sha256 }
  apt.download({ file }, folder .. "/apt")
  return not file.error and path or nil, file.error
end

local space = workspace.new(options.workspace)
local folder = space:at "hash"
fs.mkdir(folder)
local bad = 0
for _, name in ipairs(options) do
  for _, place in ipairs(places(must_get(name))) do
    local path, problem = get(place, folder)
    local actual = path and digest.file(path)
    log.out(place.url or "Debian's source archive: " .. place.debian)
    if not actual then
      bad = bad + 1
      log.out("  not fetched: " .. tostring(problem))
    elseif not place.sha256 then
      log.out(("  sha256 = %q  (not pinned yet)"):format(actual))
    elseif place.sha256 == actual then
      log.out(("  sha256 = %q  (as pinned)"):format(actual))
    else
      bad = bad + 1
      log.out(("  sha256 = %q  (pinned: %s)"):format(actual, place.sha256))
    end
  end
end
fs.remove_all(folder)
if bad > 0 then
  fail.exit(1)
end
