-- Alpine as a seed: the minirootfs by a pinned hash, then `apk add` of the build tools inside it.
local archive = require "bq.archive"
local fail = require "bq.fail"
local fetch = require "bq.fetch"
local fs = require "bq.fs"
local json = require "bq.json"
local namespace = require "bq.namespace"

local alpine = {}

local VERSION = "3.23.2"
local BRANCH = "v3.23"
local MIRROR = "https://dl-cdn.alpinelinux.org/alpine"
local ARCH = { x86_64 = "x86_64", aarch64 = "aarch64" }

-- Digests of minirootfs tarballs, each from a file that was fetched and looked at; until there is one for an
-- architecture, it is given on the command line: `--seed alpine:SHA256`.
local PINNED = {}

-- stylua: ignore
local PACKAGES = {
  "bash", "bc", "bison", "bzip2", "clang", "cmake", "coreutils", "diffutils", "file", "findutils", "flex", "gawk", "grep",
  "gzip", "linux-headers", "lld", "llvm", "m4", "make", "musl-dev", "ninja", "patch", "perl", "python3", "rsync", "sed",
  "tar", "xz",
}

--- Why this seed cannot be had here; `nil` if it can.
---@param arch string
---@return string?
function alpine.reason_against(arch)
  if not PINNED[arch] then
    return ("no digest of its minirootfs for %s is pinned"):format(arch)
  end
end

local function file_name(arch)
  return ("alpine-minirootfs-%s-%s.tar.gz"):format(VERSION, ARCH[arch])
end

--- Runs `apk add` in the tree, with the machine's network and nothing else of it.
local function add_packages(tree, mirror)
  fs.write(tree .. "/etc/apk/repositories", ("%s/%s/main\n%s/%s/community\n"):format(mirror, BRANCH, mirror, BRANCH))
  local resolv = fs.stat "/etc/resolv.conf" and fs.read "/etc/resolv.conf" or ""
  local argv = { "apk", "add", "--no-progress", "--no-cache", "--no-scripts" }
  table.move(PACKAGES, 1, #PACKAGES, #argv + 1, argv)
  local status = namespace.run {
    root = tree,
    network = true,
    -- Packages bring files of other owners, which a map of one id cannot hold; owners do not count here.
    answer_ids = true,
    files = { ["etc/resolv.conf"] = resolv },
    argv = argv,
    env = { PATH = "/usr/sbin:/usr/bin:/sbin:/bin", HOME = "/root" },
  }
  if not status.ok then
    fail.raise("cannot add the build tools to the Alpine seed", { cause = ("`apk add` ended with status %s"):format(status.code or status.signal) })
  end
end

--- The packages that apk says are installed, each `name-version`.
local function installed(tree)
  local list = json.array {}
  local database = fs.read(tree .. "/lib/apk/db/installed")
  for name, version in database:gmatch "\nP:(%S+)\nV:(%S+)" do
    list[#list + 1] = name .. "-" .. version
  end
  table.sort(list)
  return list
end

--- The seed `alpine`, or `alpine:SHA256[@MIRROR]`.
---@param argument? string
---@param arch string
---@return bq.Seed
function alpine.make(argument, arch)
  local given, mirror = (argument or ""):match "^(%x*)@?(.*)$"
  local sha256 = given ~= "" and given or PINNED[arch]
  mirror = mirror ~= "" and mirror or MIRROR
  local file = file_name(arch)
  local url = ("%s/%s/releases/%s/%s"):format(mirror, BRANCH, ARCH[arch], file)
  if not sha256 then
    fail.usage(
      ("the seed `alpine` has no pinned digest for %s"):format(arch),
      ("look at `%s.sha256`, then `--seed alpine:DIGEST`"):format(url)
    )
  end
  return {
    id = "alpine:" .. VERSION,
    obtain = function(workspace, choices)
      local path = workspace:at("seed", file)
      if choices.offline and not fs.stat(path) then
        fail.raise("the seed `alpine` was never fetched into this workspace", { hint = "run it once without `--offline`" })
      end
      local result = fetch.fetch({ files = { { urls = { url }, path = path, sha256 = sha256, name = "seed alpine" } } })[1]
      if not result.ok then
        local last = result.attempts[#result.attempts]
        fail.raise("cannot fetch the seed `alpine`", { cause = last and last.message })
      end
      return { id = "alpine:" .. VERSION, arch = arch, sha256 = sha256 }
    end,
    unpack = function(workspace, lock, target)
      archive.extract {
        path = workspace:at("seed", file),
        target = target,
        sha256 = lock.sha256,
        profile = "rootfs",
        setid = true,
        devices = "skip",
        merge = true,
      }
      add_packages(target, mirror)
      lock.packages = installed(target)
      for link, to in pairs { ["usr/bin/cc"] = "clang", ["usr/bin/c++"] = "clang++" } do
        if not fs.lstat(target .. "/" .. link) then
          fs.symlink(to, target .. "/" .. link)
        end
      end
    end,
  }
end

return alpine
