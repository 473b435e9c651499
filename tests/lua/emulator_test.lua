-- The emulator that comes with the Debian seed: which package it is, and that what was fetched is what is used.
local archive = require "bq.archive"
local check = require "check"
local debian = require "bq.seed.debian"
local debian_lock = require "bq.seed.debian_lock"
local digest = require "bq.digest"
local emulation = require "bq.run.emulation"
local emulator = require "bq.seed.emulator"
local fail = require "bq.fail"
local files = require "bq.files"
local fs = require "bq.fs"
local process = require "bq.process"
local scratch = require "scratch"
local syscall = require "bq.syscall"
local workspace = require "bq.workspace"

local OWN <const> = syscall.uname().machine
local OTHER <const> = OWN == "x86_64" and "aarch64" or "x86_64"

local function space_of(name)
  local space = workspace.new(fs.cwd() .. "/" .. name)
  space:create()
  return space
end

--- Has the shipped lock name a package with these programs, which is in the folder `mirror`.
local function ship(programs)
  for name, content in pairs(programs) do
    scratch.write("package/usr/bin/" .. name, content)
    fs.chmod("package/usr/bin/" .. name, files.mode "0755")
  end
  fs.mkdir "mirror"
  local name = ("qemu-user_1_%s.deb"):format(debian_lock.ARCH[OWN])
  archive.pack { output = "mirror/" .. name, sources = { { path = "package" } } }
  fs.remove_all "package"
  local path = "mirror/" .. name
  local package = { pool = "pool/main/q/qemu/" .. name, size = fs.stat(path).size, sha256 = digest.file(path) }
  debian_lock.shipped = function(arch, of)
    check.equal({ arch, of }, { OWN, "qemu-user" })
    return { id = "debian:trixie", arch = arch, packages = { package }, origin = "shipped" }
  end
  return package
end

check.run {
  {
    "its lock is shipped for each machine, and names one package of it",
    function()
      for _, arch in ipairs { "x86_64", "aarch64" } do
        local lock = assert(debian_lock.shipped(arch, emulator.PACKAGE))
        check.equal({ lock.id, lock.arch, #lock.packages }, { "debian:" .. debian_lock.SUITE, arch, 1 })
        local pattern = ("^pool/main/q/qemu/qemu%%-user_.*_%s%%.deb$"):format(debian_lock.ARCH[arch])
        check.equal(lock.packages[1].pool:match(pattern), lock.packages[1].pool)
      end
      check.equal(debian_lock.shipped("vax", emulator.PACKAGE), nil)
    end,
  },
  {
    "what is fetched is named in the lock of the workspace, and nothing else is used",
    function()
      local space, program = space_of "space", fs.read(process.executable())
      local package = ship { ["qemu-" .. OTHER] = program, ["qemu-vax"] = "another" }
      local got = assert(emulator.obtain(space, OTHER, { mirrors = { fs.cwd() .. "/mirror" }, offline = true }))
      check.equal(got, { arch = OTHER, sha256 = digest.sha256(program), packages = { package } })
      local path = emulator.path(space, got)
      check.equal(fs.list(space:at "seed/emulator"), { ("qemu-%s-%s"):format(OTHER, got.sha256:sub(1, 16)) })
      check.equal(fs.stat(path).mode & 73, 73)
      -- It is used once the lock names it.
      check.equal(emulator.of(space, OTHER), nil)
      space:write_json("lock.json", { emulator = got })
      check.equal({ emulator.of(space, OTHER) }, { path })
      check.equal({ emulator.of(space, "vax") }, {})
      -- What is there is not fetched again: there is no mirror. What is wrong is.
      fs.remove_all(debian.path_of(space, package))
      check.equal(emulator.obtain(space, OTHER, { offline = true }, got), got)
      fs.append(path, "more")
      local none, reason = emulator.of(space, OTHER)
      check.equal({ none or false, reason and reason:match "^the emulator of the lock is not there" }, {
        false,
        "the emulator of the lock is not there",
      })
      check.equal(pcall(emulator.obtain, space, OTHER, { offline = true }, got), false)
      emulator.obtain(space, OTHER, { mirrors = { fs.cwd() .. "/mirror" }, offline = true }, got)
      check.equal({ emulator.of(space, OTHER) }, { path })
      -- It is bq here, which runs no program: that is said, and it counts as none.
      if emulation.is_wanted(OTHER) then
        check.equal(emulation.of(OTHER, nil, space), nil)
      end
    end,
  },
  {
    "a package without a static program for the architecture is refused",
    function()
      for name, programs in pairs {
        none = { ["qemu-vax"] = "another" },
        script = { ["qemu-" .. OTHER] = "#!/bin/sh\n" },
      } do
        local space = space_of(name)
        fs.remove_all "mirror"
        local package = ship(programs)
        local ok, err = pcall(emulator.obtain, space, OTHER, { mirrors = { fs.cwd() .. "/mirror" }, offline = true })
        check.equal({ ok, fail.lines(err)[1] }, {
          false,
          ("error: the package `%s` has no static emulator for %s"):format(files.name(package.pool), OTHER),
        })
        check.equal(fs.stat(debian.path_of(space, package)) ~= nil, true)
      end
    end,
  },
}
