#!/usr/bin/env bq
-- Shows each recipe beside Debian's newest releases, and the places that none of the indexes has.
local args = require "bq.args"
local command = require "bq.stage.command"
local debian_archive = require "bq.source.debian_archive"
local debian_index = require "bq.source.debian_index"
local fail = require "bq.fail"
local log = require "bq.log"
local patches_from = require "bq.plan.patches_from"
local places = require "bq.plan.places"
local recipe = require "bq.plan.recipe"
local releases = require "bq.source.releases"
local tables = require "bq.tables"
local version = require "bq.source.version"
local workspace = require "bq.workspace"

-- The columns, and the suites of each. A column shows the newest release.
---@type { name: string, suites: string[], newest?: table<string, bq.DebianSource> }[]
local COLUMNS = {
  { name = "trixie", suites = { "trixie", "trixie-updates", "trixie-security" } },
  { name = "forky", suites = { "forky" } },
  { name = "sid", suites = { "sid" } },
}

-- stylua: ignore
local options = args.parse({
  group = "recipes",
  about = "Shows each recipe beside the newest release that Debian has, and the places that none of the indexes has.",
  usage = "bq scripts/outdated.lua [OPTIONS] [NAME...]",
  options = {
    { name = "all", help = "show the recipes too that are at the newest release" },
    { name = "home", help = "look at the folders of the home sites, too" },
    { name = "recipes", value = "DIR", many = true, help = "a folder of recipes that go before the bundled ones; that of the workspace if absent" },
    { name = "workspace", value = "DIR", help = "the folder that keeps the indexes [default: data/sysroot]" },
  },
  positional = "[NAME...]",
}, arg)

local space = workspace.new(options.workspace)
local recipes = recipe.collection(command.recipes_of(space, options.recipes))
local folder = space:at "index"

local chosen = {} ---@type bq.Recipe[]
for index, name in ipairs(#options > 0 and options or recipes:names()) do
  local found = recipes:get(name)
  recipes:check()
  chosen[index] = found
    or fail.usage(("no recipe `%s`"):format(name), "`bq scripts/build_sysroot.lua --dry-run` lists those of the plan")
end

local has_file = {}
for _, column in ipairs(COLUMNS) do
  column.newest = {}
  for _, suite in ipairs(column.suites) do
    log.info(("reading the index of Debian %s"):format(suite))
    for package, one in pairs(debian_index.of(suite, folder)) do
      local known = column.newest[package]
      if not known or version.compare(one.version, known.version) > 0 then
        column.newest[package] = one
      end
      for _, each in ipairs(one.all) do
        for _, file in ipairs(each.files) do
          has_file[file.name] = true
        end
      end
    end
  end
end

--- The places of a recipe, and the name of its Debian source package.
local function look(found)
  local list, package, chosen = {}, found.name, patches_from.places(found.data)
  for name, alternatives in tables.sorted(places.of(found.data)) do
    for _, place in ipairs(alternatives) do
      list[#list + 1] = { place = place, has_patches = chosen[name] ~= nil }
      package = place.debian and not chosen[name] and debian_archive.package(place) or package
    end
  end
  return list, package
end

--- The file of Debian's newest patches for a release, where it is not the one at hand.
local function newer_patches(file, package, release)
  local offered = {}
  for _, column in ipairs(COLUMNS) do
    offered[#offered + 1] = column.newest[package]
  end
  local newest = releases.file(offered, release, "%.debian%.tar%.%w+$")
  return newest and version.compare(newest.name, file) > 0 and newest.name or nil
end

local shown, gone = 0, 0
local function show(found)
  local list, package = look(found)
  if #list == 0 then
    return
  end
  local row, newest = {}, found.data.version
  for index, column in ipairs(COLUMNS) do
    local one = releases.newest(column.newest, package)
    row[index] = one and one.upstream or "-"
    newest = one and version.compare(one.upstream, newest) > 0 and one.upstream or newest
  end
  local notes = {}
  for _, each in ipairs(list) do
    local place = each.place
    local patches = each.has_patches
      and place.debian
      and newer_patches(place.debian, debian_archive.package(place), found.data.version)
    if patches then
      notes[#notes + 1] = ("  its patches are of `%s`; Debian has `%s`"):format(place.debian, patches)
    end
    if place.debian and not has_file[place.debian] then
      gone = gone + 1
      notes[#notes + 1] = ("  `%s` is in none of these indexes"):format(place.debian)
    elseif place.url and options.home then
      local at_home, problem = releases.at_home(place.url:gsub("{name}", found.name), folder)
      newest = at_home and version.compare(at_home, newest) > 0 and at_home or newest
      notes[#notes + 1] = ("  home: %s"):format(at_home or problem)
    end
  end
  local is_old = newest ~= found.data.version
  if is_old or #notes > 0 or options.all then
    shown = shown + (is_old and 1 or 0)
    local line = ("%-2s%-18s %-14s %-14s %-14s %s"):format(
      is_old and "*" or "",
      found.name,
      found.data.version,
      table.unpack(row)
    )
    log.out(line)
    for _, note in ipairs(notes) do
      log.out(note)
    end
  end
end

log.out(("  %-18s %-14s %-14s %-14s %s"):format("recipe", "version", COLUMNS[1].name, COLUMNS[2].name, COLUMNS[3].name))
for _, found in ipairs(chosen) do
  show(found)
end
log.info(
  ("%d newer releases, %d places that no index has; `bq scripts/bump.lua NAME` takes a newer one"):format(shown, gone)
)
