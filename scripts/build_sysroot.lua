#!/usr/bin/env bq
-- The plan of the whole build: edit it, or copy it and run the copy.
-- Each phase builds its packages on the base below it; what a package is, its recipe in `packages/` says.
local prepare = require "bq.stage.prepare"

-- What every step sees. The build path is the same everywhere, so nothing has to be mapped away.
local env = {
  LC_ALL = "C.UTF-8",
  TZ = "UTC",
  -- A step is user 0 of a namespace of its own, which is no reason to stop.
  FORCE_UNSAFE_CONFIGURE = "1",
  -- Python would write beside its modules, in the step's root.
  PYTHONDONTWRITEBYTECODE = "1",
  AR = "llvm-ar",
  NM = "llvm-nm",
  RANLIB = "llvm-ranlib",
  STRIP = "llvm-strip",
  OBJCOPY = "llvm-objcopy",
  OBJDUMP = "llvm-objdump",
  READELF = "llvm-readelf",
  LD = "ld.lld",
  HOSTCC = "clang",
  HOSTCXX = "clang++",
  CFLAGS = "-O2",
  CXXFLAGS = "-O2",
}

-- The compiler of the phases that rest on the seed: the seed's own, told to build for us.
-- The seed's programs come first: those of the sysroot may be for another machine.
local cross = {
  PATH = "/usr/bin:/usr/sbin:/bin:/sbin:/opt/sysroot/bin",
  CC = "{target}-clang",
  CXX = "{target}-clang++",
}
-- The compiler of the base for what runs where it runs; the kernel's makefiles tell it their target by themselves.
local tools = { PATH = "/usr/bin:/usr/sbin:/bin:/sbin", CC = "clang", CXX = "clang++" }
-- The system's own programs come first, but for the compiler as long as the system has none.
local native = {
  PATH = "/opt/sysroot/llvm/bin:/usr/bin:/usr/sbin:/bin:/sbin:/opt/sysroot/bin",
  CC = "clang",
  CXX = "clang++",
}

return prepare.main({
  seed = "auto",
  set = "full",
  target = "{arch}-bq-linux-musl",
  sysroot = "/opt/sysroot",
  epoch = 1735689600, -- 2025-01-01: the time of every file that is built
  env = env,
  sets = { core = { "base", "core" }, image = { "base", "core", "image" }, full = { "base", "full", "image" } },
  -- The root that a set ends in, and the phases that it is made of.
  finish = { full = { "system", "tools" } },
  phases = {
    {
      name = "sysroot",
      about = "a musl toolchain, by the seed's compiler",
      base = { "seed" },
      prefix = "/opt/sysroot",
      env = cross,
      first = { "seed-clang" },
      packages = {
        base = { "seed-clang", "linux-headers", "musl-headers", "compiler-rt", "musl", "llvm-runtimes", "make" },
        full = { "llvm", "clang", "lld", "cmake", "m4", "zlib" },
      },
    },
    {
      name = "rootfs",
      about = "a small system without a compiler",
      base = { "seed", "sysroot" },
      prefix = "/usr",
      env = cross,
      apart = true,
      packages = { base = { "skeleton", "musl", "busybox", "linux-headers" } },
    },
    {
      name = "system",
      about = "everything again, by the compiler that was built",
      base = { "rootfs", "sysroot" },
      prefix = "/usr",
      env = native,
      first = { "seed-clang", "clang-headers", "compiler-rt", "musl", "linux-headers", "llvm-runtimes" },
      needs_native = true,
      extend = true,
      packages = {
        base = { "m4", "make", "zlib" },
        -- The compiler of the small set is the seed's.
        core = { "seed-clang" },
        full = {
          "clang-headers",
          "compiler-rt",
          "musl",
          "linux-headers",
          "llvm-runtimes",
          "skeleton",
          "busybox",
          "cmake",
          "llvm",
          "clang",
          "lld",
          "flex",
          "bison",
          "libressl",
          "libatomic_ops",
          "bdwgc",
          "pcre2",
          "gmp",
          "libiconv",
          "libxml2",
          "libyaml",
          "libffi",
        },
      },
    },
    {
      name = "tools",
      about = "programs for people, by the finished compiler",
      base = { "system" },
      prefix = "/usr",
      env = native,
      needs_native = true,
      packages = { full = { "sqlite", "lua", "fossil", "git" } },
    },
    -- `bq scripts/build_qcow2.lua` makes a disk of these two and a rootfs.
    {
      name = "host",
      about = "what runs on this machine to make a disk, by the seed's compiler",
      base = { "seed" },
      prefix = "/usr",
      env = tools,
      packages = { image = { "libarchive", "e2fsprogs", "zlib", "squashfs-tools" } },
    },
    {
      name = "image",
      about = "what a disk holds besides its rootfs: a kernel, and what its init does",
      base = { "seed" },
      -- Where there is a compiler of our own, the kernel is built by that.
      base_in = { full = { "system" } },
      prefix = "/usr",
      env = tools,
      apart = true,
      packages = { image = { "linux", "init" } },
    },
  },
}, arg)
