#!/usr/bin/env bq
-- Takes a recipe to a newer release: fetches its places at that version, and writes version and digests into the recipe.
local args = require "bq.args"
local command = require "bq.stage.command"
local bump = require "bq.source.bump"
local debian_archive = require "bq.source.debian_archive"
local debian_index = require "bq.source.debian_index"
local digest = require "bq.digest"
local fail = require "bq.fail"
local fetch = require "bq.fetch"
local files = require "bq.files"
local fs = require "bq.fs"
local log = require "bq.log"
local patches_from = require "bq.plan.patches_from"
local places = require "bq.plan.places"
local recipe = require "bq.plan.recipe"
local releases = require "bq.source.releases"
local schema = require "bq.schema"
local tables = require "bq.tables"
local template = require "bq.plan.template"
local version = require "bq.source.version"
local workspace = require "bq.workspace"

-- The suites in which the release is searched, and their files.
local SUITES = { "trixie", "trixie-updates", "trixie-security", "forky", "sid" }

-- stylua: ignore
local options = args.parse({
  group = "recipes",
  about = "Takes a recipe to a newer release: fetches its places, and writes version and digests into the recipe.",
  usage = "bq scripts/bump.lua NAME [VERSION]",
  options = {
    { name = "recipes", value = "DIR", many = true, help = "a folder of recipes that go before the bundled ones; that of the workspace if absent" },
    { name = "workspace", value = "DIR", help = "the folder that keeps the indexes [default: data/sysroot]" },
  },
  positional = "NAME [VERSION]",
}, arg)

if #options < 1 or #options > 2 then
  fail.usage("which recipe, and which version?", "usage: `bq scripts/bump.lua NAME [VERSION]`")
elseif options[2] and schema.problem(options[2], schema.VERSION) then
  fail.usage(("`%s` is not a version"):format(options[2]), "a version has letters, digits and `+._~-`")
end
local space = workspace.new(options.workspace)
local recipes = recipe.collection(command.recipes_of(space, options.recipes))
local found = recipes:get(options[1])
recipes:check()
if not found then
  fail.usage(("no recipe `%s`"):format(options[1]), "`bq scripts/outdated.lua` lists all of them")
elseif found.path:sub(1, 2) == "$/" then
  fail.usage(
    ("the recipe `%s` is inside the program"):format(found.name),
    "write a copy of it: name its folder by `--recipes DIR`"
  )
end

local folder = space:at "index"

-- Patches of others were chosen for one version: which of them the new one needs is for people to say.
local sources, package, chosen = {}, found.name, patches_from.places(found.data)
local needs_index = not options[2]
for name, alternatives in pairs(places.of(found.data)) do
  sources[name] = not chosen[name] and alternatives or nil
  for _, place in ipairs(sources[name] or {}) do
    package = place.debian and debian_archive.package(place) or package
    needs_index = needs_index or place.debian ~= nil
  end
end
if next(sources) == nil then
  fail.raise(("`%s` has no sources"):format(found.name), { hint = "its version is a line of its recipe" })
end

local old, new = found.data.version, options[2]
local offered = {}
for _, suite in ipairs(needs_index and SUITES or {}) do
  log.info(("reading the index of Debian %s"):format(suite))
  local newest = releases.newest(debian_index.of(suite, folder), package)
  tables.append(offered, newest and newest.all or {})
end
for _, one in ipairs(offered) do
  if not options[2] and version.compare(one.upstream, new or old) > 0 then
    new = one.upstream
  end
end
if not new or new == old then
  log.out(("%s %s: Debian has no newer release of it"):format(found.name, old))
  fail.exit(0)
end

--- Fetches a file. Returns its digest, or `nil` and the reason.
local function fetched(urls, name, sha256)
  local path = folder .. "/" .. name
  fs.mkdir(folder)
  local result = fetch.fetch({ files = { { urls = urls, path = path, sha256 = sha256 } }, retries = 1 })[1]
  local last = result.attempts[#result.attempts]
  local actual = result.ok and digest.file(path) or nil
  fs.remove(path)
  return actual, last and last.message
end

--- Fetches the place of a home site at the new version.
local function at_home(place)
  local url = template.fill({ url = place.url }, { name = found.name, version = new }).url
  return fetched({ url }, files.name(url))
end

--- The other newer versions that Debian has, for a hint.
local function others()
  local out = releases.newer(offered, old, new)
  return #out > 0 and "take another that Debian lists: " .. table.concat(out, ", ") or "the recipe stays as it is"
end

local changed, without = {}, {}

--- Pins a place at the new version, if that has it.
---@return boolean is_pinned
local function repin(place)
  local one, problem = { place = place }, nil
  if place.debian then
    local file, of = releases.file(offered, new, "_[^_]*%.orig%.tar%.%w+$")
    problem = "Debian has no such release"
    if file then
      -- A mirror may lack what the index has: only a file that can be had is pinned.
      one.debian = file.name
      one.sha256, problem = fetched(debian_archive.urls { debian = file.name, package = of }, file.name, file.sha256)
    end
  elseif place.pinned == false then
    one.sha256 = place.sha256
  else
    one.sha256, problem = at_home(place)
  end
  log.out(
    ("%s\n  %s"):format(
      one.debian or place.debian or place.url,
      one.sha256 and "sha256 " .. one.sha256 or "not pinned: " .. problem
    )
  )
  if place.pinned ~= false then
    changed[#changed + 1] = one
  end
  return one.sha256 ~= nil
end

-- Each source has to be somewhere. The recipe is written when all were found.
for name, alternatives in tables.sorted(sources) do
  local is_somewhere = false
  for _, place in ipairs(alternatives) do
    is_somewhere = repin(place) or is_somewhere
  end
  without[#without + 1] = not is_somewhere and name or nil
end
if #without > 0 then
  local all = #without == #tables.names(sources)
  fail.raise(
    ("no place of `%s` has version %s%s"):format(
      found.name,
      new,
      all and "" or (" of source `%s`"):format(table.concat(without, "`, `"))
    ),
    { hint = others() }
  )
end
local text = bump.text(found.text, old, new, changed)
if not text then
  fail.raise(
    ("`%s` does not say its version in so many words"):format(found.path),
    { hint = "the recipe stays as it is" }
  )
end
-- What could not be read again is not written. Patches that were chosen for the old version may be wrong in it.
local trial = recipe.collection(recipes.folders)
trial:load(found.name, found.path, text, found.folder)
fail.wrap(("`%s` cannot be taken to %s"):format(found.name, new), {
  hint = "the recipe stays as it is; change it by hand",
}, trial.check, trial)
fs.write(found.path, text, { mode = fs.stat(found.path).mode })
log.out(("%s: %s → %s, written to `%s`"):format(found.name, old, new, found.path))

--- Whether a recipe depends on one of these packages, in any phase.
local function rests_on(data, names)
  local layers = { data }
  for _, changes in pairs(data.phases or {}) do
    layers[#layers + 1] = changes
  end
  for _, layer in ipairs(layers) do
    for _, field in ipairs { "depends", "uses" } do
      for _, name in ipairs(layer[field] or {}) do
        if names[name] then
          return true
        end
      end
    end
  end
  return false
end

-- The dependents, direct and indirect.
local reached, dependents = { [found.name] = true }, {}
local grows = true
while grows do
  grows = false
  for _, name in ipairs(recipes:names()) do
    local other = not reached[name] and recipes:get(name)
    if other and rests_on(other.data, reached) then
      reached[name], grows = true, true
      dependents[#dependents + 1] = name
    end
  end
end
table.sort(dependents)
if #dependents > 0 then
  log.out("built again, where outputs differ: " .. table.concat(dependents, ", "))
end
local patches = ("%s/patches/%s-%s"):format(files.parent(found.path), found.name, old)
if #files.list(patches) > 0 then
  log.out(("patches of %s are in `%s`: look which of them %s still needs, and move them"):format(old, patches, new))
end
for _, alternatives in tables.sorted(chosen) do
  for _, place in ipairs(alternatives) do
    local file = releases.file(offered, new, "%.debian%.tar%.%w+$")
    log.out(
      ("patches for %s come from `%s`: look which of them %s still needs, and change `patches_from`%s"):format(
        old,
        place.debian or place.url,
        new,
        file and ("; Debian's for %s are in `%s`"):format(new, file.name) or ""
      )
    )
  end
end
