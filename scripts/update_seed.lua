#!/usr/bin/env bq
-- Updates the locks of the Debian seed that come with bq: the newest packages of each architecture, and the digest of
-- their unpacked tree. Run it on a machine with apt, and commit the files that it writes.
local args = require "bq.args"
local debian = require "bq.seed.debian"
local debian_lock = require "bq.seed.debian_lock"
local digest = require "bq.digest"
local emulator = require "bq.seed.emulator"
local fail = require "bq.fail"
local files = require "bq.files"
local fs = require "bq.fs"
local host = require "bq.host"
local json = require "bq.json"
local log = require "bq.log"
local report = require "bq.report"
local syscall = require "bq.syscall"
local workspace = require "bq.workspace"

-- stylua: ignore
local options = args.parse({
  group = "recipes",
  about = "Makes the locks of the Debian seed anew that come with bq.",
  usage = "bq scripts/update_seed.lua [OPTIONS]",
  options = {
    { name = "arch", value = "ARCH", many = true, help = "only this architecture [default: x86_64 and aarch64]" },
    { name = "output", value = "DIR", help = "where the locks go [default: `seeds` beside this program]" },
    { name = "workspace", value = "DIR", help = "the folder that keeps what was fetched [default: data/seeds]" },
    { name = "mirror", value = "URL", help = "the Debian mirror to ask [default: the one of the machine's apt]" },
    { name = "jobs", value = "N", number = true, help = "how many packages to fetch at once" },
  },
}, arg)

syscall.umask(files.mode "022")
local output = options.output or files.parent(host.script) .. "/seeds"
if not options.output and host.script:sub(1, 2) == "$/" then
  fail.usage(
    "this program is the one in the binary, so the locks have no place beside it",
    "name a folder by `--output DIR`"
  )
end
local arches = args.list(options.arch)
arches = #arches > 0 and arches or { "x86_64", "aarch64" }
for _, arch in ipairs(arches) do
  local reason, hint = debian_lock.reason_against(arch, options.mirror)
  if reason then
    fail.raise(("no lock can be made for %s"):format(arch), { cause = reason, hint = hint })
  end
end
local space = workspace.new(options.workspace or "data/seeds")
space:create()
space:lock()

--- Writes a lock, unless it says what the old one does.
local function write(arch, package, old, lock, is_same)
  local path = output .. "/" .. debian_lock.file(arch, package)
  for _, line in ipairs(old and debian_lock.changes(old, lock) or {}) do
    log.info(("%s: %s"):format(arch, line))
  end
  -- All of these packages are in the archive now. It was not checked that the snapshot of this time has them.
  lock.snapshot, lock.origin = { time = os.date "!%Y%m%dT%H%M%SZ", tried = false }, nil
  fs.mkdir(output)
  if old and is_same then
    log.info(("`%s` says the same, and stays"):format(path))
  else
    fs.write(path, json.encode(lock, { pretty = true }))
    local tree = lock.digest and ", tree digest " .. lock.digest or ""
    log.info(("wrote `%s`: %s%s"):format(path, report.count(#lock.packages, "package"), tree))
  end
end

for _, arch in ipairs(arches) do
  local old = debian_lock.shipped(arch)
  local lock = debian_lock.make {
    suite = debian_lock.SUITE,
    arch = arch,
    folder = space:at("seed/apt-" .. arch),
    mirror = options.mirror,
  }
  debian.fetch(space, lock, options.mirror, { jobs = options.jobs })
  local tree = space:at("seed/tree-" .. arch)
  fs.remove_all(tree)
  fs.mkdir(tree)
  local modes = debian.unpack(space, lock, tree, options.jobs)
  lock.digest = digest.tree(tree, { attributes = modes })
  fs.remove_all(tree)
  write(arch, nil, old, lock, old and old.digest == lock.digest)
  -- A machine of this architecture runs programs of others by this one.
  local package = emulator.PACKAGE
  local before = debian_lock.shipped(arch, package)
  local of = debian_lock.make {
    suite = debian_lock.SUITE,
    arch = arch,
    folder = space:at("seed/apt-" .. arch),
    mirror = options.mirror,
    package = package,
  }
  debian.fetch(space, of, options.mirror, { jobs = options.jobs })
  write(arch, package, before, of, before and #debian_lock.changes(before, of) == 0)
end
