#!/usr/bin/env bq
-- Pins sources: fetches every place that a recipe names, and prints the digests or writes them into the recipe.
local debian_archive = require "bq.source.debian_archive"
local debian_index = require "bq.source.debian_index"
local args = require "bq.args"
local command = require "bq.stage.command"
local digest = require "bq.digest"
local fail = require "bq.fail"
local fetch = require "bq.fetch"
local files = require "bq.files"
local fs = require "bq.fs"
local log = require "bq.log"
local pin = require "bq.source.pin"
local places = require "bq.plan.places"
local recipe = require "bq.plan.recipe"
local template = require "bq.plan.template"
local workspace = require "bq.workspace"

local options = args.parse({
  group = "recipes",
  about = "Fetches the sources of recipes and prints their SHA-256, beside what the recipes say.",
  usage = "bq scripts/hash_sources.lua NAME...",
  options = {
    { name = "write", help = "write the digests into the recipes, with the version that they are of" },
    { name = "unpinned", help = "fetch nothing: list the places of all recipes that have no digest" },
    { name = "mirror", value = "URL", help = "the mirror of Debian to ask [default: the one of the machine's apt]" },
    { name = "keyring", value = "FILE", help = "the keys that sign Debian's indexes [default: those of its package]" },
    {
      name = "recipes",
      value = "DIR",
      many = true,
      help = "a folder of recipes that go before the bundled ones; that of the workspace if absent",
    },
    { name = "workspace", value = "DIR", help = "the folder of the build [default: data/sysroot]" },
  },
  positional = "NAME...",
}, arg)

local space = workspace.new(options.workspace)
local recipes = recipe.collection(command.recipes_of(space, options.recipes))

--- Every place of a recipe's sources, with names in braces replaced, with its text in the recipe and its version.
local function places_of(found)
  local out = {}
  local function add(data, version)
    for _, alternatives in pairs(places.of(data)) do
      for _, raw in ipairs(alternatives) do
        local place = template.fill(raw, { name = found.name, version = version })
        place.raw, place.version = raw, version
        out[#out + 1] = place
      end
    end
  end
  add(found.data, found.data.version)
  for _, changes in pairs(found.data.phases or {}) do
    add(changes, changes.version or found.data.version)
  end
  return out
end

local function must_get(name)
  local found = recipes:get(name)
  recipes:check()
  return found
    or fail.usage(("no recipe `%s`"):format(name), "`bq scripts/build_sysroot.lua --dry-run` lists those of the plan")
end

if options.unpinned then
  for _, name in ipairs(recipes:names()) do
    for _, place in ipairs(places_of(must_get(name))) do
      if not place.sha256 then
        log.out(("%-18s %s"):format(name, place.url or place.debian))
      end
    end
  end
  fail.exit(0)
elseif #options == 0 then
  fail.usage("which recipe?", "usage: `bq scripts/hash_sources.lua NAME...`")
end

local folder = space:at "hash"
local mirror = options.mirror and options.mirror:gsub("/+$", "")

-- What the signed indexes of Debian's suites say, by the name of the file. They are read when the first file is looked up.
local listed, is_whole ---@type table<string, bq.DebianFile>?, boolean
local function read_indexes()
  listed = {}
  local reason, hint = debian_index.reason_against(options.keyring)
  if reason then
    log.warn(("the indexes of Debian cannot be read: %s; %s"):format(reason, hint))
  end
  is_whole = not reason
  for _, suite in ipairs(reason and {} or debian_index.SUITES) do
    log.info(("reading the index of Debian %s"):format(suite))
    local choices = { mirror = mirror, keyring = options.keyring }
    local ok, found = pcall(debian_index.of, suite, space:at "index", choices)
    if not ok and not fail.is_expected(found) then
      error(found, 0)
    elseif not ok then
      is_whole = false
      log.warn(("the index of Debian %s was not read"):format(suite))
      for _, line in ipairs(fail.lines(found)) do
        log.raw(line)
      end
    end
    for _, one in pairs(ok and found or {}) do
      for _, entry in ipairs(one.all) do
        for _, file in ipairs(entry.files) do
          listed[file.name] = listed[file.name] or file
        end
      end
    end
  end
end

--- What Debian's signed indexes say of a place, and words about it.
---@return bq.DebianFile?
---@return string
local function vouched(place)
  if not listed then
    read_indexes()
  end
  local file = listed[place.debian]
  if file then
    return file, "as Debian's index says"
  end
  return nil, is_whole and "in no index of Debian any more" or "in no index that was read"
end

--- Fetches one place into the folder. Returns the path, or `nil` and the reason.
local function get(place)
  local path = folder .. "/" .. files.name(place.url or place.debian)
  fs.remove(path)
  local urls = place.url and { place.url } or debian_archive.urls(place, mirror and { mirror })
  local result = fetch.fetch({ files = { { urls = urls, path = path } }, retries = 2 })[1]
  local last = result.attempts[#result.attempts]
  return result.ok and path or nil, last and last.message
end

--- Returns a note about a digest, whether the digest is right, whether to write it, and if not, why.
local function judge(place, actual)
  if not place.sha256 then
    return "not pinned yet", true, true
  end
  local misfit = places.misfit(place.raw, place.version)
  if not misfit then
    if place.sha256 == actual then
      return "as pinned", true, false
    end
    local way = "raise `version`, or remove `sha256` from the recipe to take this one"
    return "pinned: " .. place.sha256, false, false, "one version has one file; " .. way
  elseif place.sha256 == actual and place.raw.pinned then
    return ("still the file of %s: change the place, or `pinned` if it is the same file"):format(place.raw.pinned),
      false,
      false
  elseif place.sha256 == actual and not (place.raw.url or place.raw.debian):find("{version}", 1, true) then
    return misfit .. ": change the place, or say `pinned`", false, false
  end
  return misfit, true, true
end

--- Writes a digest into a recipe. Reports digests that it could not write.
local function write(found, place, actual)
  local field = place.raw.url and "url" or "debian"
  local fields = { { "sha256", actual } }
  local pinned = { url = place.raw.url, debian = place.raw.debian, sha256 = actual }
  if place.raw.pinned or place.raw.pinned == nil and places.misfit(pinned, place.version) then
    fields[2] = { "pinned", place.version }
  end
  local text = pin.write(files.read(found.path), field, place.raw[field], fields)
  if not text then
    log.out(("  not written: `%s` does not have this place in so many words"):format(found.path))
    return false
  end
  fs.write(found.path, text, { mode = fs.stat(found.path).mode })
  log.out(("  written to `%s`"):format(found.path))
  return true
end

fs.mkdir(folder)
local bad = 0
for _, name in ipairs(options) do
  local found = must_get(name)
  if options.write and found.path:find "^%$/" then
    fail.usage(
      ("the recipe `%s` is inside the program"):format(name),
      "write a copy of it: name its folder by `--recipes DIR`"
    )
  end
  for _, place in ipairs(places_of(found)) do
    local file, said = nil, nil ---@type bq.DebianFile?, string?
    if place.debian then
      file, said = vouched(place)
    end
    local path, problem = get(place)
    local actual = path and digest.file(path)
    log.out(place.url or ("Debian's source archive: %s (%s)"):format(place.debian, said))
    if not actual then
      bad = bad + 1
      log.out("  not fetched: " .. tostring(problem))
    elseif file and file.sha256 ~= actual then
      bad = bad + 1
      log.out(("  sha256 = %q  (not the file of the signed index: %s)"):format(actual, file.sha256))
    else
      local words, is_good, is_new, why_not = judge(place, actual)
      log.out(("  sha256 = %q  (%s)"):format(actual, words))
      if not is_good or (options.write and is_new and not write(found, place, actual)) then
        bad = bad + 1
      end
      if options.write and why_not then
        log.out("  not written: " .. why_not)
      end
    end
  end
end
fs.remove_all(folder)
if bad > 0 then
  fail.exit(1)
end
