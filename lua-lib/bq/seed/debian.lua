-- Debian as a seed: the packages of a lock, fetched and unpacked by bq. `debian` uses the lock that comes with bq and
-- needs no apt. For `debian:SUITE` the machine's apt makes the lock.
local debian_archive = require "bq.source.debian_archive"
local debian_lock = require "bq.seed.debian_lock"
local debian_tree = require "bq.seed.debian_tree"
local fail = require "bq.fail"
local fetch = require "bq.fetch"
local files = require "bq.files"
local fs = require "bq.fs"
local log = require "bq.log"
local mirrors = require "bq.source.mirrors"
local report = require "bq.report"

local debian = {}

-- Debian's snapshot archive. It keeps the packages that mirrors drop at the next point release.
local SNAPSHOT = "https://snapshot.debian.org/archive/debian/%s"

--- Why this seed is not available on this machine; `nil` if it is.
---@param arch string
---@return string? reason
function debian.reason_against(arch)
  if not debian_lock.shipped(arch) then
    return "no lock of it comes with bq for " .. arch
  end
end

--- Where a package is in the workspace.
---@param workspace bq.Workspace
---@param package bq.DebianPackage
---@return string
function debian.path_of(workspace, package)
  return workspace:at("seed/packages", files.name(package.pool))
end

--- The places of a package, in the order in which they are tried.
local function places(lock, package, mirror, choices)
  local out =
    mirrors.places(choices.mirrors or {}, package.sha256, { files.name(package.pool), package.sha256 }, choices.offline)
  if choices.offline then
    return out
  end
  local archives = mirror and { mirror } or debian_archive.mirrors()
  if lock.snapshot and not mirror then
    archives[#archives + 1] = SNAPSHOT:format(lock.snapshot.time)
  end
  for _, archive in ipairs(archives) do
    out[#out + 1] = debian_archive.url(archive, package.pool)
  end
  return out
end

--- Fetches the packages of a lock into the workspace. Raises with the list of those that are missing.
---@param workspace bq.Workspace
---@param lock bq.DebianLock
---@param mirror? string the only archive to ask besides those of `choices`
---@param choices { mirrors?: string[], offline?: boolean, jobs?: integer }
function debian.fetch(workspace, lock, mirror, choices)
  fs.mkdir(workspace:at "seed/packages")
  local batch = {}
  for index, package in ipairs(lock.packages) do
    batch[index] = {
      urls = places(lock, package, mirror, choices),
      path = debian.path_of(workspace, package),
      sha256 = package.sha256,
      size = package.size,
    }
  end
  local seen, notes = 0, {}
  for index, result in ipairs(fetch.fetch { files = batch, jobs = choices.jobs, retries = 2 }) do
    if not result.ok then
      seen = seen + 1
      notes[#notes + 1] = ("  %s  sha256 %s"):format(files.name(batch[index].path), batch[index].sha256)
      for _, attempt in ipairs(result.attempts) do
        notes[#notes + 1] = ("    %s: %s"):format(attempt.url, attempt.message)
      end
    end
  end
  if seen == 0 then
    return
  end
  fail.raise(
    seen == 1 and "one package of the seed is missing" or ("%d packages of the seed are missing"):format(seen),
    {
      notes = notes,
      hint = choices.offline and "run it again without `--offline`, or name a folder that has them by `--mirror DIR`"
        or "name a folder or address that has them by `--mirror`, or lock the seed anew: `--update-seed`",
    }
  )
end

--- Shows the changes in a new lock.
local function show_changes(old, new)
  local lines = debian_lock.changes(old, new)
  for _, line in ipairs(lines) do
    log.info("  " .. line)
  end
  log.info(
    #lines == 0 and "the seed's packages are as they were" or report.count(#lines, "package") .. " of the seed changed"
  )
end

--- The lock to use: the workspace's own, the shipped one, or a new one.
local function lock_of(workspace, want, choices)
  local before = choices.lock
  if before and (before.id ~= want.id or before.arch ~= want.arch) then
    before = nil
  end
  if not choices.update then
    -- A workspace keeps a lock that was made for it. A shipped lock is always taken from bq, not from the workspace.
    if before and before.origin == "apt" and (before.updated or not want.shipped) then
      return before
    elseif want.shipped then
      want.shipped.digest = want.shipped.digest or before and before.digest
      return want.shipped
    end
  end
  if choices.offline then
    fail.raise(
      ("the seed `%s` was never locked in this workspace"):format(want.id),
      { hint = "run it once without `--offline`" }
    )
  end
  local made =
    debian_lock.make { suite = want.suite, arch = want.arch, folder = workspace:at "seed/apt", mirror = want.mirror }
  made.updated = choices.update or nil
  if choices.update and (before or want.shipped) then
    show_changes(before or want.shipped, made)
    if want.shipped then
      log.info "this workspace keeps the new lock; to ship it with bq: `bq scripts/update_seed.lua`"
    end
  end
  return made
end

--- The seed `debian`, or `debian:SUITE`.
---@param argument? string SUITE, or SUITE@MIRROR
---@param arch string
---@return bq.Seed
function debian.make(argument, arch)
  local suite, mirror = (argument or ""):match "^([^@]*)@?(.*)$"
  local shipped = suite == "" and debian_lock.shipped(arch) or nil
  suite = suite ~= "" and suite or debian_lock.SUITE
  mirror = mirror ~= "" and mirror:gsub("/+$", "") or nil
  if not suite:find "^%l[%w-]*$" then
    fail.usage(
      ("`%s` is no suite of Debian"):format(suite),
      "a suite is a word such as trixie or bookworm: `--seed debian:trixie`"
    )
  elseif mirror and not mirror:find "^%l[%l+]*:." then
    fail.usage(
      ("`%s` is no mirror of Debian"):format(mirror),
      "a mirror is an address: `--seed debian:SUITE@https://…`"
    )
  end
  local want = { id = "debian:" .. suite, suite = suite, arch = arch, mirror = mirror, shipped = shipped }
  return {
    id = want.id,
    obtain = function(workspace, choices)
      local lock = lock_of(workspace, want, choices)
      debian.fetch(workspace, lock, mirror, choices)
      return lock
    end,
    unpack = function(workspace, lock, target, choices)
      return debian.unpack(workspace, lock, target, choices.jobs)
    end,
  }
end

--- Makes the tree of a lock whose packages are in the workspace.
---@param workspace bq.Workspace
---@param lock bq.DebianLock
---@param target string an empty folder
---@param jobs? integer threads
---@return table<string, bq.archive.Attribute> modes that have set-id bits, by path
function debian.unpack(workspace, lock, target, jobs)
  local paths = {}
  for index, package in ipairs(lock.packages) do
    paths[index] = debian.path_of(workspace, package)
  end
  return debian_tree(paths, target, jobs)
end

return debian
