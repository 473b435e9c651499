-- A rootfs tarball as a seed, from a path or an address. In this way a finished system can be the next seed.
local archive = require "bq.archive"
local digest = require "bq.digest"
local fail = require "bq.fail"
local files = require "bq.files"
local fs = require "bq.fs"
local seed_file = require "bq.seed.file"

local tarball = {}

-- What an earlier staging added is no part of the seed.
local ADDED <const> = require("bq.workspace").ADDED

--- Splits an argument into place and digest. An existing path may have a `#` in its name.
local function parse(word)
  local place, mark = word:match "^(.*)#(.-)$"
  if not place or fs.stat(word) then
    return word
  end
  local sha256 = mark:gsub("^sha256=", ""):lower()
  if not sha256:find "^%x+$" or #sha256 ~= 64 then
    fail.usage(
      ("`#%s` of the seed is no SHA-256 digest"):format(mark),
      ("write `--seed %s#sha256=…`, with 64 hexadecimal digits"):format(place)
    )
  end
  return place, sha256
end

--- The seed in a tarball.
---@param word string a path, or an address; both may end in `#sha256=…`, an address has to
---@param arch string
---@return bq.Seed
function tarball.make(word, arch)
  local place, sha256 = parse(word)
  local is_url = place:find "^%a+://" ~= nil
  if is_url and not sha256 then
    fail.usage(
      ("the seed `%s` has no digest"):format(place),
      ("write `--seed %s#sha256=…`, with the digest that its maker published"):format(place)
    )
  elseif not is_url and not fs.stat(place) then
    fail.usage(
      ("the seed `%s` is not there"):format(place),
      "a seed is auto, debian[:SUITE], alpine, a tarball's path, or its address"
    )
  end
  local id = "tarball:" .. files.name(place)
  return {
    id = id,
    obtain = function(workspace, choices)
      local actual = sha256
      if is_url then
        seed_file.get {
          workspace = workspace,
          seed = place,
          name = files.name(place),
          url = place,
          sha256 = sha256,
          offline = choices.offline,
        }
      else
        actual = fail.wrap(("cannot read the seed `%s`"):format(place), nil, digest.file, place)
      end
      if sha256 and actual ~= sha256 then
        fail.raise(("the seed `%s` is not what was asked for"):format(place), {
          cause = ("sha256 is %s, expected %s"):format(actual, sha256),
        })
      end
      local lock = choices.lock
      if lock and lock.id == id and lock.arch == arch and lock.sha256 == actual then
        return lock
      end
      return { id = id, arch = arch, sha256 = actual }
    end,
    unpack = function(workspace, lock, target)
      return seed_file.modes(archive.extract {
        path = is_url and seed_file.path(workspace, files.name(place), lock.sha256) or place,
        target = target,
        sha256 = lock.sha256,
        profile = "rootfs",
        -- What others made must not be set-id or have capabilities on this machine. So that is reported, and not set.
        attributes = "collect",
        devices = "skip",
        merge = true,
        exclude = ADDED,
      })
    end,
  }
end

return tarball
