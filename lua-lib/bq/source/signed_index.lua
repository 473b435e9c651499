-- The index of a Debian suite without apt: the suite's signed list of files (`InRelease`, checked by gpgv), and the index of
-- source packages that it lists. See https://wiki.debian.org/DebianRepository/Format.
local apt = require "bq.source.apt"
local archive = require "bq.archive"
local fail = require "bq.fail"
local fetch = require "bq.fetch"
local fs = require "bq.fs"
local process = require "bq.process"

local signed_index = {}

-- The index, the smallest form first.
local INDEXES <const> = { "main/source/Sources.xz", "main/source/Sources.gz" }
-- The largest index, unpacked: that of sid has 60 MiB.
local MAX_INDEX <const> = 512 << 20
-- stylua: ignore
local MONTHS <const> = {
  Jan = 1, Feb = 2, Mar = 3, Apr = 4, May = 5, Jun = 6, Jul = 7, Aug = 8, Sep = 9, Oct = 10, Nov = 11, Dec = 12,
}

--- Why no list can be checked on this machine, and one thing to do; `nil` if it can.
---@param keyring string
---@return string? reason
---@return string? hint
function signed_index.reason_against(keyring)
  if not process.which "gpgv" then
    return "this machine has neither apt nor gpgv", "install gpgv, of GnuPG"
  elseif not fs.stat(keyring) then
    return ("`%s` is missing"):format(keyring), "name a keyring with the keys of Debian's archive by `--keyring FILE`"
  end
end

--- Fetches a file of a suite.
local function get(urls, path, want)
  fs.remove(path)
  local result = fetch.fetch({
    files = { { urls = urls, path = path, sha256 = want and want.sha256, size = want and want.size } },
    retries = 2,
    max_size = 256 << 20,
  })[1]
  if not result.ok then
    local last = result.attempts[#result.attempts]
    fail.raise(("cannot fetch `%s`"):format(fetch.shown(urls[#urls])), { cause = last and last.message })
  end
end

--- The text that a signed file signs. Raises if no key of the keyring has signed it.
local function verified(path, keyring, folder)
  local output = folder .. "/Release"
  fs.remove(output)
  local result = process.run {
    argv = { "gpgv", "--homedir", folder, "--keyring", fs.realpath(keyring), "--output", output, path },
    env = apt.environment(),
    stdin = "null",
    stdout = "capture",
    stderr = "capture",
    die_with_parent = true,
  }
  if not result.ok then
    fail.raise("the list of the suite has no good signature", {
      cause = (result.stderr:gsub("%s*$", ""):gsub("\n", "; ")),
      hint = "the mirror may be damaged or hostile, or the keyring too old",
    })
  end
  return fs.read(output)
end

--- The time of a date in a list: `Sat, 21 Nov 2026 08:00:00 UTC`. In UTC, since `os.time` takes local time.
local function time(text)
  local day, month, year, hour, minute, second = text:match "(%d+) (%a+) (%d+) (%d+):(%d+):(%d+) UTC"
  if not MONTHS[month] then
    return nil
  end
  local fields = { day = day, month = MONTHS[month], year = year, hour = hour, min = minute, sec = second }
  for name, value in pairs(fields) do
    fields[name] = math.tointeger(tonumber(value))
  end
  fields.isdst = false
  local there = os.time(fields)
  local utc = os.date("!*t", there)
  utc.isdst = false
  return there + (
      there - os.time(utc --[[@as std.osdateparam]])
    )
end

--- Checks that a list is of a suite and has not expired, and looks up the files in it.
---@param text string
---@param suite string
---@return table<string, { sha256: string, size: integer }> by path below the suite
function signed_index.files(text, suite)
  local fields = "\n" .. text .. "\n"
  local known = { fields:match "\nSuite: (%S+)\n", fields:match "\nCodename: (%S+)\n" }
  if known[1] ~= suite and known[2] ~= suite then
    fail.raise(("the list is not of the suite `%s`"):format(suite), {
      cause = ("it is of `%s`"):format(known[2] or known[1] or "no suite"),
    })
  end
  local said = fields:match "\nValid%-Until: ([^\n]+)\n"
  local last = said and time(said)
  if said and (not last or last < os.time()) then
    fail.raise(("the list of the suite `%s` is too old"):format(suite), {
      cause = ("it is valid until %s"):format(said),
      hint = "the mirror is not up to date; ask another one by `--mirror URL`",
    })
  end
  local out = {}
  for sha256, size, path in (fields:match "\nSHA256:[^\n]*(\n .-)\n%f[^\n ]" or ""):gmatch "\n (%x+) +(%d+) (%S+)" do
    out[path] = { sha256 = sha256, size = math.tointeger(tonumber(size)) }
  end
  return out
end

--- The text of the index of a suite's source packages.
---@param suite string
---@param mirror string the address of the archive that has it
---@param folder string for what is fetched
---@param keyring string
---@return string
function signed_index.text(suite, mirror, folder, keyring)
  fs.mkdir(folder)
  local base = ("%s/dists/%s/"):format(mirror, suite)
  get({ base .. "InRelease" }, folder .. "/InRelease")
  local listed = signed_index.files(verified(folder .. "/InRelease", keyring, folder), suite)
  for _, name in ipairs(INDEXES) do
    local want = listed[name]
    if want then
      local path = folder .. "/Sources"
      local by_hash = ("%smain/source/by-hash/SHA256/%s"):format(base, want.sha256)
      get({ by_hash, base .. name }, path, want)
      return archive.decompress(path, { max_bytes = MAX_INDEX })
    end
  end
  fail.raise(("the list of the suite `%s` names no index of source packages"):format(suite))
end

return signed_index
