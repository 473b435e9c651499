-- What is said of sources that could not be had.
local fail = require "bq.fail"

local missing = {}

local function describe(one)
  return one.url or ("Debian's source archive: " .. one.debian)
end

--- What to do about missing sources; `all` is how many are wanted.
local function advice(list, all, offline)
  local packages, named = {}, {}
  for _, want in ipairs(list) do
    if #want.alternatives == 0 then
      return ("pin it: `bq scripts/hash_sources.lua --write %s`"):format(want.package)
    elseif not named[want.package] then
      named[want.package] = true
      packages[#packages + 1] = want.package
    end
  end
  local out = offline and "run it again without `--offline`, or name a folder that has them by `--mirror DIR`"
    or "name a folder or address that has them by `--mirror`"
  -- Without all of them there would be nothing to build.
  return #list == all and out
    or ("%s, or leave the packages out: `--without %s`"):format(out, table.concat(packages, ","))
end

--- Raises, with all that was tried.
---@param list bq.Wanted[] those that are missing
---@param all integer how many are wanted
---@param offline? boolean
function missing.refuse(list, all, offline)
  local notes = {}
  for _, want in ipairs(list) do
    notes[#notes + 1] = ("  %s"):format(want.label)
    for _, one in ipairs(want.alternatives) do
      notes[#notes + 1] = ("    sha256 %s  %s"):format(one.sha256, describe(one))
    end
    for _, one in ipairs(want.unpinned) do
      notes[#notes + 1] = ("    not pinned, so never used: %s"):format(describe(one))
    end
    for _, line in ipairs(want.tried) do
      notes[#notes + 1] = "    " .. line
    end
  end
  local count = #list == 1 and "one source is missing" or ("%d sources are missing"):format(#list)
  fail.raise(count, { notes = notes, hint = advice(list, all, offline) })
end

return missing
