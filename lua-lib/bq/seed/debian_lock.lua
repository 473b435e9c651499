-- Locks of Debian seeds: the one that is shipped for each architecture, and new ones, made by the machine's apt.
local apt = require "bq.source.apt"
local fail = require "bq.fail"
local files = require "bq.files"
local host = require "bq.host"
local json = require "bq.json"
local log = require "bq.log"
local schema = require "bq.schema"
local tables = require "bq.tables"

local debian_lock = {}

---@class bq.DebianPackage
---@field pool string its path in the archive: `pool/main/m/make-dfsg/make_4.4.1-2_amd64.deb`
---@field sha256 string
---@field size integer bytes

---@class bq.DebianLock
---@field id string `debian:SUITE`
---@field arch string `x86_64` or `aarch64`
---@field packages bq.DebianPackage[] by the order of their names
---@field origin "shipped"|"apt" who made it
---@field digest? string of the tree
---@field updated? boolean it was just made anew, because that was asked for
---@field snapshot? { time: string, tried: boolean } when all packages were in Debian's archive, and whether that was seen

--- The suite of the seed that is shipped.
debian_lock.SUITE = "trixie"
--- Debian's names of the architectures.
debian_lock.ARCH = { x86_64 = "amd64", aarch64 = "arm64" }

-- The packages that recipes can expect in a seed. A seed is the closure of these packages.
-- stylua: ignore
local PACKAGES = {
  "bash", "bc", "bison", "bzip2", "cmake", "coreutils", "dash", "diffutils", "file", "findutils", "flex", "gawk", "grep",
  "gzip", "libc6-dev", "linux-libc-dev", "m4", "make", "ninja-build", "patch", "perl-base", "python3-minimal", "rsync",
  "sed", "tar", "xz-utils",
}
local COMPILER = { "clang", "lld", "llvm" }
-- The newest release of the compiler in suites whose default one is older.
local RELEASE = { bookworm = "19", trixie = "22" }

--- The name of the file that a shipped lock is in, below `seeds/` of the programs.
---@param arch string
---@param package? string the lock is of this one, not of a seed
---@return string
function debian_lock.file(arch, package)
  return ("debian-%s-%s%s.json"):format(debian_lock.SUITE, package and package .. "-" or "", arch)
end

--- The form of a lock that is shipped.
---@param arch string that it is for
---@return bq.schema.Format
local function format(arch)
  return {
    what = "the lock of the Debian seed",
    limit = 1 << 24,
    hint = "make it anew: `bq scripts/update_seed.lua`",
    kind = schema.record {
      id = schema.text { max = 100, pattern = "debian:%l[%w-]*", what = "a seed of Debian, such as `debian:trixie`" },
      arch = schema.where(schema.NAME, function(value)
        return value ~= arch and ("is `%s`, expected `%s`"):format(value, arch) or nil
      end),
      packages = schema.list(schema.record { pool = schema.POOL, sha256 = schema.SHA256, size = schema.whole(1) }),
      ["digest?"] = schema.SHA256,
      ["snapshot?"] = schema.record {
        time = schema.text { max = 16, pattern = "%d+T%d+Z", what = "a time such as `20261126T145138Z`" },
        tried = schema.flag(),
      },
    },
  }
end

--- The lock that is shipped for an architecture; `nil` if there is none.
---@param arch string
---@param package? string the lock is of this one, not of a seed
---@return bq.DebianLock?
function debian_lock.shipped(arch, package)
  local folders = tables.copy(host.program_folders)
  folders[#folders + 1] = "$/scripts"
  for _, folder in ipairs(folders) do
    local path = ("%s/seeds/%s"):format(folder, debian_lock.file(arch, package))
    local bundled = folder:sub(1, 2) == "$/" and files.read(path)
    local lock = bundled and schema.parse(bundled, path, format(arch)) or schema.read(path, format(arch))
    if lock then
      lock.origin = "shipped"
      return lock
    end
  end
end

--- Why no lock can be made on this machine, and one thing to do; `nil` if it can.
---@param arch string
---@param mirror? string one that is given, so that apt need not know any
---@return string? reason
---@return string? hint
function debian_lock.reason_against(arch, mirror)
  if not debian_lock.ARCH[arch] then
    return "no Debian for " .. arch, "name a rootfs tarball: `--seed PATH`"
  elseif not apt.is_available() then
    return "this machine has no apt",
      "take the seed that comes with bq: `--seed debian`, or name a rootfs tarball: `--seed PATH`"
  elseif not mirror and #apt.mirrors() == 0 then
    return "this machine's apt knows no Debian mirror", "name one: `--seed debian:SUITE@https://…`"
  end
  return apt.reason_against()
end

--- A path in the archive, as it is in apt's address.
local function decoded(path)
  return (path:gsub("%%(%x%x)", function(byte)
    return string.char(tonumber(byte, 16))
  end))
end

--- Makes a lock with the machine's apt, as an ordinary user and in a separate folder. Downloads package lists, no
--- packages.
---@param want { suite: string, arch: string, folder: string, mirror?: string, package?: string } all that a seed needs, if no package is named
---@return bq.DebianLock
function debian_lock.make(want)
  local id, arch = "debian:" .. want.suite, want.arch
  local reason, hint = debian_lock.reason_against(arch, want.mirror)
  if reason then
    fail.raise(("the seed `%s` cannot be locked"):format(id), { cause = reason, hint = hint })
  end
  local mirror = want.mirror or apt.mirrors()[1]
  local options = apt.options(want.folder)
  options[#options + 1] = "-oAPT::Architecture=" .. debian_lock.ARCH[arch]
  options[#options + 1] = "-oAPT::Architectures=" .. debian_lock.ARCH[arch]
  apt.write_sources(want.folder, "deb", mirror, want.suite)
  log.info(("asking %s for the packages of Debian %s"):format(mirror, want.suite))
  apt.get(options, { "update" }, "read the package lists of Debian " .. want.suite)
  local words = { "-oAcquire::ForceHash=SHA256", "--print-uris", "--download-only", "install" } ---@type string[]
  tables.append(words, want.package and { want.package } or PACKAGES)
  for _, name in ipairs(want.package and {} or COMPILER) do
    words[#words + 1] = RELEASE[want.suite] and ("%s-%s"):format(name, RELEASE[want.suite]) or name
  end
  local packages = json.array {}
  local what = ("find %s in Debian %s"):format(want.package or "the build tools", want.suite)
  for line in apt.get(options, words, what):gmatch "[^\n]+" do
    local uri, size, sha256 = line:match "^'(%S+)' %S+ (%d+) SHA256:(%x+)$"
    if uri then
      packages[#packages + 1] = { pool = decoded(uri:sub(#mirror + 2)), size = math.tointeger(size), sha256 = sha256 }
    end
  end
  if #packages == 0 then
    fail.raise("apt names no packages with SHA-256 digests", { hint = "see `man apt-get`, option `--print-uris`" })
  end
  table.sort(packages, function(a, b)
    return files.name(a.pool) < files.name(b.pool)
  end)
  return { id = id, arch = arch, packages = packages, origin = "apt" }
end

--- The differences between two locks: one line for each package, sorted by name.
---@param old bq.DebianLock
---@param new bq.DebianLock
---@return string[] lines
function debian_lock.changes(old, new)
  ---@type table<string, table<integer, { version: string, sha256: string }>>, string[]
  local versions, names = {}, {}
  for side, lock in ipairs { old, new } do
    for _, package in ipairs(lock.packages) do
      local name, version = files.name(package.pool):match "^(.-)_(.-)_[^_]*$"
      if not versions[name] then
        versions[name] = {}
        names[#names + 1] = name
      end
      versions[name][side] = { version = version, sha256 = package.sha256 }
    end
  end
  table.sort(names)
  local lines = {}
  for _, name in ipairs(names) do
    local before, after = versions[name][1], versions[name][2]
    if not before then
      lines[#lines + 1] = ("new: %s %s"):format(name, after.version)
    elseif not after then
      lines[#lines + 1] = ("gone: %s %s"):format(name, before.version)
    elseif before.sha256 ~= after.sha256 then
      lines[#lines + 1] = before.version == after.version and ("other bytes: %s %s"):format(name, after.version)
        or ("%s: %s → %s"):format(name, before.version, after.version)
    end
  end
  return lines
end

return debian_lock
