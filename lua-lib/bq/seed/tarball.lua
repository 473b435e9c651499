-- A rootfs tarball as a seed, from a path or an address: a finished system becomes the next seed this way.
local archive = require "bq.archive"
local digest = require "bq.digest"
local fail = require "bq.fail"
local fetch = require "bq.fetch"
local files = require "bq.files"
local fs = require "bq.fs"

local tarball = {}

local function download(workspace, url, sha256, offline)
  local path = workspace:at("seed", sha256:sub(1, 16) .. "-" .. files.name(url))
  if offline and not fs.stat(path) then
    fail.raise(("the seed `%s` is not in the workspace"):format(url), { hint = "run it once without `--offline`" })
  end
  local result = fetch.fetch({ files = { { urls = { url }, path = path, sha256 = sha256, name = "seed" } } })[1]
  if not result.ok then
    local last = result.attempts[#result.attempts]
    fail.raise(("cannot fetch the seed `%s`"):format(url), { cause = last and last.message })
  end
  return path
end

--- The seed in a tarball.
---@param word string a path, or an address; both may end in `#sha256=…`, an address has to
---@param arch string
---@return bq.Seed
function tarball.make(word, arch)
  local place, sha256 = word:match "^(.-)#sha256=(%x+)$"
  place = place or word
  local is_url = place:find "^%a+://" ~= nil
  if is_url and not sha256 then
    fail.usage(
      ("the seed `%s` has no digest"):format(place),
      ("write `--seed %s#sha256=…`, with the digest that its maker published"):format(place)
    )
  elseif not is_url and not fs.stat(place) then
    fail.usage(("the seed `%s` is not there"):format(place), "a seed is auto, alpine, debian[:SUITE], a tarball's path, or its address")
  end
  return {
    id = "tarball:" .. files.name(place),
    obtain = function(workspace, choices)
      local path = is_url and download(workspace, place, sha256, choices.offline) or place
      local actual = digest.file(path)
      if sha256 and actual ~= sha256 then
        fail.raise(("the seed `%s` is not what was asked for"):format(place), {
          cause = ("sha256 is %s, expected %s"):format(actual, sha256),
        })
      end
      local before = choices.lock
      return {
        id = "tarball:" .. files.name(place),
        arch = arch,
        sha256 = actual,
        path = path,
        -- Of the tree that this very tarball gave before: it is not unpacked again.
        digest = before and before.sha256 == actual and before.digest or nil,
      }
    end,
    unpack = function(_, lock, target)
      archive.extract {
        path = lock.path,
        target = target,
        sha256 = lock.sha256,
        profile = "rootfs",
        setid = true,
        devices = "skip",
        merge = true,
        exclude = { "var/lib/bq", "usr/local/share/bq", "usr/local/bin/bq" },
      }
    end,
  }
end

return tarball
