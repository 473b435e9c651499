-- Debian as a seed: the machine's own apt downloads the build tools and all that they need, and bq unpacks them.
local apt = require "bq.source.apt"
local archive = require "bq.archive"
local digest = require "bq.digest"
local fail = require "bq.fail"
local files = require "bq.files"
local fs = require "bq.fs"
local json = require "bq.json"
local log = require "bq.log"
local process = require "bq.process"

local debian = {}

local SUITE = "trixie"
local ARCH = { x86_64 = "amd64", aarch64 = "arm64" }
local KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"

-- What recipes may take for granted in a seed; the closure of these is the seed.
-- stylua: ignore
local PACKAGES = {
  "bash", "bc", "bison", "bzip2", "cmake", "coreutils", "dash", "diffutils", "file", "findutils", "flex", "gawk", "grep",
  "gzip", "libc6-dev", "linux-libc-dev", "m4", "make", "ninja-build", "patch", "perl-base", "python3-minimal", "rsync",
  "sed", "tar", "xz-utils",
}
local COMPILER = { "clang", "lld", "llvm" }
-- Releases whose usual clang is too old for the C++ library (LLVM 18 wants clang 16), and the one that they have besides.
local NEWER = { bookworm = "16" }

-- What the maintainers' scripts would make, and the usr-merge that some releases leave to a script.
local MERGED = { "bin", "lib", "lib64", "sbin" }
local LINKS = { ["usr/bin/sh"] = "dash", ["usr/bin/awk"] = "gawk", ["usr/bin/cc"] = "clang", ["usr/bin/c++"] = "clang++" }
local ACCOUNTS = {
  ["etc/passwd"] = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
  ["etc/group"] = "root:x:0:\nnogroup:x:65534:\n",
}

--- Why this seed cannot be had here, and one thing to do; `nil` if it can.
---@param arch string
---@param mirror? string one that is given, so that apt need not know any
---@return string? reason
---@return string? hint
function debian.reason_against(arch, mirror)
  if not ARCH[arch] then
    return "no Debian for " .. arch, "name a rootfs tarball: `--seed PATH`"
  elseif not apt.is_available() then
    return "this machine has no apt", "name a rootfs tarball instead: `--seed PATH`"
  elseif not mirror and #apt.mirrors() == 0 then
    return "this machine's apt knows no Debian mirror", "name one: `--seed debian:SUITE@https://…`"
  elseif not fs.stat(KEYRING) then
    return ("`%s` is missing"):format(KEYRING), "`sudo apt-get install debian-archive-keyring`"
  end
end

local function check_machine(id, arch, mirror)
  local reason, hint = debian.reason_against(arch, mirror)
  if reason then
    fail.raise(("the seed `%s` cannot be had"):format(id), { cause = reason, hint = hint })
  end
end

local function apt_get(options, words, what)
  local argv = { "apt-get", "-q", "-y" }
  table.move(options, 1, #options, #argv + 1, argv)
  table.move(words, 1, #words, #argv + 1, argv)
  local env = { PATH = os.getenv "PATH", LC_ALL = "C", HOME = "/nonexistent" }
  for _, name in ipairs { "http_proxy", "https_proxy", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR" } do
    env[name] = os.getenv(name)
  end
  local result = process.run { argv = argv, env = env, stdout = "capture", stderr = "capture", die_with_parent = true }
  if not result.ok then
    fail.raise(("cannot %s by apt"):format(what), { cause = apt.complaint(result.stderr .. "\n" .. result.stdout) })
  end
  return result.stdout
end

--- The packages of the closure, each with its address and digest, in the order of their names.
--- They are downloaded too: apt does that over one connection, much faster than its helper one by one.
local function resolve(folder, packages, suite, arch, mirror)
  local options = apt.options(folder)
  options[#options + 1] = "-oAPT::Architecture=" .. ARCH[arch]
  options[#options + 1] = "-oAPT::Architectures=" .. ARCH[arch]
  fs.write(folder .. "/etc/sources.list", ("deb [signed-by=%s] %s %s main\n"):format(KEYRING, mirror, suite))
  log.info(("asking %s for the packages of Debian %s"):format(mirror, suite))
  apt_get(options, { "update" }, "read the package lists of Debian " .. suite)
  local names = table.move(PACKAGES, 1, #PACKAGES, 1, {})
  for _, name in ipairs(COMPILER) do
    names[#names + 1] = NEWER[suite] and ("%s-%s"):format(name, NEWER[suite]) or name
  end
  local words = { "-oAcquire::ForceHash=SHA256", "--print-uris", "--download-only", "install" }
  table.move(names, 1, #names, #words + 1, words)
  local list = json.array {}
  for line in apt_get(options, words, "find the build tools in Debian " .. suite):gmatch "[^\n]+" do
    local uri, name, size, sha256 = line:match "^'(%S+)' (%S+) (%d+) SHA256:(%x+)$"
    if uri then
      list[#list + 1] = { pool = uri:sub(#mirror + 2), file = name, size = math.tointeger(size), sha256 = sha256 }
    end
  end
  if #list == 0 then
    fail.raise("apt names no packages with SHA-256 digests", { hint = "see `man apt-get`, option `--print-uris`" })
  end
  table.sort(list, function(a, b)
    return a.file < b.file
  end)
  log.info(("fetching the %d packages of the seed"):format(#list))
  fs.mkdir(packages .. "/partial")
  words = { "-oDir::Cache::archives=" .. packages, "--download-only", "install" }
  table.move(names, 1, #names, #words + 1, words)
  apt_get(options, words, "fetch the build tools of Debian " .. suite)
  return list
end

local function download(workspace, id, lock, mirror, choices)
  local folder, wanted, missing = workspace:at "seed/packages", {}, {}
  fs.mkdir(folder)
  for _, package in ipairs(lock.packages) do
    local path = folder .. "/" .. package.file
    local stat = fs.stat(path)
    if not stat or stat.size ~= package.size or digest.file(path) ~= package.sha256 then
      wanted[#wanted + 1] = { pool = package.pool, path = path, sha256 = package.sha256 }
      missing[#missing + 1] = ("  %s  sha256 %s"):format(package.file, package.sha256)
    end
  end
  if #wanted == 0 then
    return
  elseif choices.offline then
    local count = #wanted == 1 and "one package of the seed is missing" or ("%d packages of the seed are missing"):format(#wanted)
    fail.raise(count, { notes = missing, hint = "run it again without `--offline`" })
  end
  check_machine(id, lock.arch, mirror)
  mirror = mirror or apt.mirrors()[1]
  for _, file in ipairs(wanted) do
    file.uri = mirror .. "/" .. file.pool
  end
  log.info(#wanted == 1 and "fetching one package of the seed" or ("fetching %d packages of the seed"):format(#wanted))
  apt.download(wanted, workspace:at "seed/apt", { jobs = choices.jobs })
  for _, file in ipairs(wanted) do
    if file.error then
      fail.raise(("cannot fetch `%s`"):format(files.name(file.path)), {
        cause = file.error,
        hint = "the archive may have moved on since the seed was locked; `--update-seed` locks it anew",
      })
    end
  end
end

--- The seed `debian`, or `debian:SUITE`.
---@param argument? string SUITE, or SUITE@MIRROR
---@param arch string
---@return bq.Seed
function debian.make(argument, arch)
  local suite, mirror = (argument or ""):match "^([^@]*)@?(.*)$"
  suite = suite ~= "" and suite or SUITE
  mirror = mirror ~= "" and mirror:gsub("/+$", "") or nil
  if not suite:find "^%l[%w-]*$" then
    fail.usage(("`%s` is no suite of Debian"):format(suite), "a suite is a word such as trixie or bookworm: `--seed debian:trixie`")
  elseif mirror and not mirror:find "^%l[%l+]*:." then
    fail.usage(("`%s` is no mirror of Debian"):format(mirror), "a mirror is an address: `--seed debian:SUITE@https://…`")
  end
  local id, jobs = "debian:" .. suite, nil
  return {
    id = id,
    obtain = function(workspace, choices)
      local lock = choices.lock
      jobs = choices.jobs
      if not lock or lock.id ~= id or lock.arch ~= arch then
        if choices.offline then
          fail.raise(("the seed `%s` was never fetched into this workspace"):format(id), { hint = "run it once without `--offline`" })
        end
        check_machine(id, arch, mirror)
        local from = mirror or apt.mirrors()[1]
        lock = { id = id, arch = arch, packages = resolve(workspace:at "seed/apt", workspace:at "seed/packages", suite, arch, from) }
      end
      download(workspace, id, lock, mirror, choices)
      return lock
    end,
    unpack = function(workspace, lock, target)
      for _, name in ipairs(MERGED) do
        fs.mkdir(target .. "/usr/" .. name)
        fs.symlink("usr/" .. name, target .. "/" .. name)
      end
      local paths = {}
      for _, package in ipairs(lock.packages) do
        paths[#paths + 1] = workspace:at("seed/packages", package.file)
      end
      archive.extract_all { paths = paths, target = target, threads = jobs, profile = "rootfs", setid = true, devices = "skip" }
      local links = {}
      for link, to in pairs(LINKS) do
        links[link] = to
      end
      if NEWER[suite] then
        local folder = "lib/llvm-" .. NEWER[suite] .. "/bin/"
        for _, name in ipairs(fs.list(target .. "/usr/" .. folder)) do
          links["usr/bin/" .. name] = "../" .. folder .. name
        end
      end
      for link, to in pairs(links) do
        local path = files.inside(target, files.parent(link)) .. "/" .. files.name(link)
        if not fs.lstat(path) then
          fs.symlink(to, path)
        end
      end
      for path, text in pairs(ACCOUNTS) do
        fs.write(files.inside(target, path), text, { sync = false })
      end
    end,
  }
end

return debian
