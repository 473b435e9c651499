#!/usr/bin/env bq
-- The plan of the whole build: edit it, or copy it and run the copy.
-- Each phase builds its packages on the base below it; what a package is, its recipe in `packages/` says.
local build = require "bq.build"

-- What every step sees. The build path is the same everywhere, so nothing has to be mapped away.
local env = {
  PATH = "/opt/sysroot/bin:/usr/bin:/usr/sbin:/bin:/sbin",
  LC_ALL = "C",
  TZ = "UTC",
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
local cross = { CC = "{target}-clang", CXX = "{target}-clang++" }
local native = { CC = "clang", CXX = "clang++" }

return build.main({
  seed = "auto",
  set = "core",
  target = "{arch}-bq-linux-musl",
  sysroot = "/opt/sysroot",
  epoch = 1735689600, -- 2025-01-01: the time of every file that is built
  env = env,
  sets = { core = { "core" } },
  phases = {
    {
      name = "sysroot",
      about = "a musl toolchain, by the seed's compiler",
      base = { "seed" },
      prefix = "/opt/sysroot",
      env = cross,
      first = { "seed-clang" },
      packages = {
        core = { "seed-clang", "linux-headers", "musl-headers", "compiler-rt", "musl", "llvm-runtimes", "make" },
      },
    },
    {
      name = "rootfs",
      about = "a small system without a compiler",
      base = { "seed", "sysroot" },
      prefix = "/usr",
      env = cross,
      apart = true,
      packages = { core = { "skeleton", "musl", "busybox", "linux-headers" } },
    },
    {
      name = "system",
      about = "everything again, with no seed but for its compiler",
      base = { "rootfs", "sysroot" },
      prefix = "/usr",
      env = native,
      seed_at = "/opt/seed",
      first = { "seed-clang" },
      needs_native = true,
      extend = true,
      packages = { core = { "seed-clang", "m4", "make", "zlib" } },
    },
  },
}, arg)
