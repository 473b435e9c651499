-- Alpine as a seed: the minirootfs by a pinned hash, then `apk add` of the build tools inside it.
local archive = require "bq.archive"
local fail = require "bq.fail"
local files = require "bq.files"
local fs = require "bq.fs"
local json = require "bq.json"
local log = require "bq.log"
local namespace = require "bq.run.namespace"
local noted = require "bq.run.noted"
local process = require "bq.process"
local progress = require "bq.progress"
local seed_file = require "bq.seed.file"

local alpine = {}

local VERSION = "3.23.2"
local BRANCH = "v3.23"
local MIRROR = "https://dl-cdn.alpinelinux.org/alpine"
local ARCH = { x86_64 = "x86_64", aarch64 = "aarch64" }

-- Digests of the minirootfs tarballs, taken from public files that use this release. For x86_64 three independent files
-- have this digest. For aarch64 there is one file; its digest for x86_64 is the same as ours. `--seed alpine:SHA256`
-- takes another tarball.
local PINNED = {
  x86_64 = "b50bf42e519420ca2be48dd0efa22aa087c708d0602b67d413406533bef9dab5",
  aarch64 = "0a6c278a906bb7dc1c14f3dae426b4494280cdc421697977459bd37f91287d09",
}

-- stylua: ignore
local PACKAGES = {
  "bash", "bc", "bison", "bzip2", "clang", "cmake", "coreutils", "diffutils", "file", "findutils", "flex", "gawk", "grep",
  "gzip", "linux-headers", "lld", "llvm", "m4", "make", "musl-dev", "ninja", "patch", "perl", "python3", "rsync", "sed",
  "tar", "xz",
}

-- Links that recipes expect.
local LINKS = { cc = "clang", ["c++"] = "clang++" }
-- Alpine puts the tools of each LLVM release into a separate folder. Recipes need these by their plain names.
-- stylua: ignore
local LLVM_TOOLS = {
  "llvm-ar", "llvm-nm", "llvm-objcopy", "llvm-objdump", "llvm-ranlib", "llvm-readelf", "llvm-strip",
}

-- Variables of the machine's environment that the tools may read.
local PROXIES = { "http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY" }

-- Files that depend on the machine or on the time. The seed's digest must not depend on them, so each is restored
-- afterwards.
local PASSING = { "etc/apk/cache", "etc/apk/repositories", "etc/resolv.conf", "var/log/apk.log" }

-- The folder in the tree in which apk caches packages. A folder of the workspace is bound there.
local CACHE = "/var/cache/apk"
-- How many lines of apk's errors are shown.
local SHOWN = 12

--- Why this seed is not available on this machine; `nil` if it is.
---@param arch string
---@return string?
function alpine.reason_against(arch)
  if not ARCH[arch] then
    return "no Alpine for " .. arch
  elseif not PINNED[arch] then
    return ("no digest of its minirootfs for %s is pinned"):format(arch)
  end
end

--- Saves the files that depend on the machine. Returns a function that restores them.
local function keep_passing(tree)
  local before = {}
  for _, name in ipairs(PASSING) do
    local path = files.inside(tree, files.parent(name)) .. "/" .. files.name(name)
    local stat = fs.lstat(path)
    before[path] = stat
        and (stat.type == "link" and { target = fs.readlink(path) } or { text = fs.read(path), mode = stat.mode })
      or {}
  end
  return function()
    for path, was in pairs(before) do
      fs.remove(path)
      if was.target then
        fs.symlink(was.target, path)
      elseif was.text then
        fs.write(path, was.text, { mode = was.mode, sync = false })
      end
    end
  end
end

--- The lines of apk's output that explain a failure. If a mirror did not answer, the list of packages that are missing
--- because of that is left out.
---@param text string
---@return string[]
function alpine.complaints(text)
  local fetching, others = {}, {}
  for line in text:gmatch "[^\r\n]+" do
    if line:find "^WARNING" or line:find "^ERROR" and not line:find "unable to select packages" then
      fetching[#fetching + 1] = line
    elseif not line:find "^%(%d+/%d+%)" and not line:find "^fetch " and not line:find "^OK:" then
      others[#others + 1] = line
    end
  end
  local list = #fetching > 0 and fetching or others
  return table.move(list, 1, math.min(#list, SHOWN), 1, {})
end

--- Runs `apk add` in the tree. It can use the machine's network, and nothing else of the machine.
---@param tree string
---@param mirror string
---@param cache string a folder that gets the packages, and has them already with `again`
---@param again boolean take only what the folder has
---@return table<string, bq.archive.Attribute> modes that have set-id bits, by path
local function add_packages(tree, mirror, cache, again)
  local restore = keep_passing(tree)
  local env = { PATH = "/usr/sbin:/usr/bin:/sbin:/bin", HOME = "/root" }
  for _, name in ipairs(PROXIES) do
    env[name] = os.getenv(name)
  end
  fs.mkdir(cache)
  fs.mkdir(files.inside(tree, CACHE))
  local link = files.inside(tree, "etc/apk") .. "/cache"
  fs.remove(link)
  fs.symlink(CACHE, link)
  local argv = { "apk", "add", "--no-progress", "--no-scripts", again and "--no-network" or "--update-cache" }
  table.move(PACKAGES, 1, #PACKAGES, #argv + 1, argv)
  local notes = tree .. ".noted"
  fs.write(notes, "", { sync = false })
  local bar <close> = progress.bar { label = "apk" }
  bar:message "adds the build tools"
  local status = namespace.run {
    root = tree,
    noted = notes,
    network = not again,
    confined = true,
    -- Packages contain files with other owners, which a map of one id cannot represent. Owners do not matter here.
    answer_ids = true,
    binds = { { source = cache, target = CACHE } },
    files = {
      ["etc/resolv.conf"] = files.read "/etc/resolv.conf" or "",
      ["etc/apk/repositories"] = ("%s/%s/main\n%s/%s/community\n"):format(mirror, BRANCH, mirror, BRANCH),
    },
    body = function()
      local result = process.run { argv = argv, env = env, stdout = "capture", stderr = "capture" }
      for _, line in ipairs(result.ok and {} or alpine.complaints(result.stdout .. "\n" .. result.stderr)) do
        log.raw(line)
      end
      return result.exit_status
    end,
  }
  if not status.ok then
    fail.raise("cannot add the build tools to the Alpine seed", {
      cause = status.code == namespace.FAILED and "`apk` could not be started in a namespace"
        or ("`apk add` ended with %s"):format(status.code and "status " .. status.code or "signal " .. status.signal),
      hint = again
          and "what it said is above; the packages in the workspace are not whole, and `--update-seed` fetches the newest"
        or "what it said is above; another mirror is given by `--seed alpine@MIRROR`",
    })
  end
  restore()
  local modes = {}
  for _, note in ipairs(noted.read(notes).files) do
    modes[note.path:sub(2)] = note.mode and { mode = note.mode }
  end
  fs.remove(notes)
  return modes
end

--- The installed packages, sorted by name, each with apk's digest of it.
local function installed(tree)
  local list, current = json.array {}, {}
  local text = files.read(files.inside(tree, "lib/apk/db/installed"))
    or fail.raise(
      "apk left no list of the packages of the Alpine seed",
      { hint = "look for its database: `lib/apk/db/installed`" }
    )
  for line in (text .. "\n\n"):gmatch "(.-)\r?\n" do
    local field, value = line:match "^(%u):(%S+)"
    if line == "" then
      list[#list + 1] = current.name and current or nil
      current = {}
    elseif field == "P" then
      current.name = value
    elseif field == "V" then
      current.version = value
    elseif field == "C" then
      current.checksum = value
    end
  end
  table.sort(list, function(a, b)
    return a.name < b.name
  end)
  return list
end

local function make_links(tree)
  local bin, newest = files.inside(tree, "usr/bin"), 0
  for _, name in ipairs(files.list(files.inside(tree, "usr/lib"))) do
    newest = math.max(newest, math.tointeger(name:match "^llvm(%d+)$") or 0)
  end
  local links = {}
  for _, name in ipairs(LLVM_TOOLS) do
    local target = ("../lib/llvm%d/bin/%s"):format(newest, name)
    links[name] = fs.lstat(bin .. "/" .. target) and target or nil
  end
  for name, target in pairs(LINKS) do
    links[name] = target
  end
  for name, target in pairs(links) do
    if not fs.lstat(bin .. "/" .. name) then
      fs.symlink(target, bin .. "/" .. name)
    end
  end
end

--- What an argument says: a digest, a mirror, or both.
local function parse(argument)
  local sha256, mirror = argument:match "^([^@]*)@?(.*)$"
  if sha256 ~= "" and not (sha256:find "^%x+$" and #sha256 == 64) then
    fail.usage(
      ("`%s` is no SHA-256 digest of a minirootfs"):format(sha256),
      "write `--seed alpine:DIGEST`, with 64 hexadecimal digits, or `alpine:DIGEST@MIRROR`"
    )
  elseif mirror ~= "" and not mirror:find "^https?://." then
    fail.usage(
      ("`%s` is no mirror of Alpine"):format(mirror),
      "a mirror is an address: `--seed alpine:DIGEST@https://…`"
    )
  end
  return sha256 ~= "" and sha256:lower() or nil, mirror ~= "" and mirror:gsub("/+$", "") or nil
end

--- The seed `alpine`, or `alpine:SHA256[@MIRROR]`.
---@param argument? string
---@param arch string
---@return bq.Seed
function alpine.make(argument, arch)
  local sha256, mirror = parse(argument or "")
  if not ARCH[arch] then
    fail.usage("there is no Alpine for " .. arch, "name a rootfs tarball: `--seed PATH`")
  end
  local id = "alpine:" .. VERSION
  local file = ("alpine-minirootfs-%s-%s.tar.gz"):format(VERSION, ARCH[arch])
  sha256, mirror = sha256 or PINNED[arch], mirror or MIRROR
  local url = ("%s/%s/releases/%s/%s"):format(mirror, BRANCH, ARCH[arch], file)
  if not sha256 then
    fail.usage(
      ("the seed `alpine` has no pinned digest for %s"):format(arch),
      ("look at `%s.sha256`, then `--seed alpine:DIGEST`"):format(url)
    )
  end
  return {
    id = id,
    obtain = function(workspace, choices)
      seed_file.get {
        workspace = workspace,
        seed = "alpine",
        name = file,
        url = url,
        sha256 = sha256,
        offline = choices.offline,
      }
      local lock = not choices.update and choices.lock
      if lock and lock.id == id and lock.arch == arch and lock.sha256 == sha256 then
        return lock
      end
      return { id = id, arch = arch, sha256 = sha256 }
    end,
    unpack = function(workspace, lock, target, choices)
      local cache = workspace:at("seed", ("apk-%s-%s"):format(VERSION, ARCH[arch]))
      -- The packages of the lock are installed again from the workspace, since mirrors drop old packages.
      local again = lock.packages ~= nil and #files.list(cache) > 0
      if choices.offline and not again then
        fail.raise(
          "the packages of the seed `alpine` are not in the workspace",
          { hint = "run it once without `--offline`" }
        )
      end
      local modes = seed_file.modes(archive.extract {
        path = seed_file.path(workspace, file, sha256),
        target = target,
        sha256 = lock.sha256,
        profile = "rootfs",
        attributes = "collect",
        devices = "skip",
        merge = true,
      })
      for path, attribute in pairs(add_packages(target, mirror, cache, again)) do
        modes[path] = attribute
      end
      lock.packages = installed(target)
      make_links(target)
      return modes
    end,
  }
end

return alpine
