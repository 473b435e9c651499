#!/usr/bin/env bq
-- The plan of the whole build: edit it, or copy it and run the copy.
-- Each phase builds its packages on its base. The recipes of the packages are in `packages/`.
local prepare = require "bq.stage.prepare"

-- The environment of every step. The build path is the same on every machine, so paths in outputs need no mapping.
local env = {
  LC_ALL = "C.UTF-8",
  TZ = "UTC",
  -- Some configure scripts refuse to run as user 0. A step is user 0 in its own namespace only.
  FORCE_UNSAFE_CONFIGURE = "1",
  -- Python would write cache files beside its modules, in the step's root.
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

-- The compiler of the phases that are built on the seed: the seed's own, configured for our target.
-- The seed's programs come first: those of the sysroot may be for another machine.
local cross = {
  PATH = "/usr/bin:/usr/sbin:/bin:/sbin:/opt/sysroot/bin",
  CC = "{target}-clang",
  CXX = "{target}-clang++",
}
-- The compiler of the base, for programs that run in the same root.
local tools = { PATH = "/usr/bin:/usr/sbin:/bin:/sbin", CC = "clang", CXX = "clang++" }
-- The sysroot's compiler comes first, where the root has it. Then come the system's own programs.
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
  sets = {
    core = { "base", "core", "more" },
    image = { "base", "core", "more", "image" },
    full = { "base", "more", "full", "tools", "image" },
  },
  -- The phases of the finished root, for each set.
  finish = { full = { "system", "tools" } },
  -- What roots of one's own are made of: a system (`--system FILE`), or what `--with` asks for. By set: the lists that a system is
  -- built with, and the phases whose outputs its root can take.
  roots = {
    packages = { "skeleton", "etc", "busybox", "init" },
    leave_out = { "/opt" },
    disk = { "image" },
    sets = {
      core = { lists = { "base", "core" }, phases = { "rootfs", "system", "image" } },
      image = { phases = { "rootfs", "system", "image" } },
      full = { lists = { "base", "more", "full" }, phases = { "system", "tools", "image" } },
    },
  },
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
      -- In a plan for another architecture these are programs of this machine, as its own plan makes them.
      of_machine = { full = { programs = { "llvm", "clang", "lld", "cmake", "make" }, with = { "clang-target" } } },
    },
    {
      name = "rootfs",
      about = "a small system without a compiler",
      base = { "seed", "sysroot" },
      prefix = "/usr",
      env = cross,
      apart = true,
      packages = { base = { "skeleton", "etc", "musl", "busybox", "linux-headers" } },
    },
    {
      name = "system",
      about = "everything again, by the compiler that was built",
      base = { "rootfs", "sysroot" },
      prefix = "/usr",
      env = native,
      first = { "seed-clang", "clang-headers", "compiler-rt", "musl", "linux-headers", "llvm-runtimes" },
      needs_native = true,
      extend = { "core", "image" },
      packages = {
        more = { "m4", "make", "zlib" },
        -- The compiler of the small set is the seed's.
        core = { "seed-clang" },
        full = {
          "clang-headers",
          "compiler-rt",
          "musl",
          "linux-headers",
          "llvm-runtimes",
          "skeleton",
          "etc",
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
      extend = { "full" },
      packages = { tools = { "sqlite", "lua", "fossil", "git" } },
    },
    -- `bq scripts/build_qcow2.lua` makes a disk of these two and a rootfs.
    {
      name = "host",
      about = "what runs on this machine to make a disk, by the seed's compiler",
      base = { "seed" },
      of_machine = true,
      prefix = "/usr",
      env = tools,
      packages = { image = { "libarchive", "e2fsprogs", "zlib", "squashfs-tools" } },
    },
    {
      name = "image",
      about = "what a disk holds besides its rootfs: a kernel, and what its init does",
      base = { "seed" },
      -- If the set builds a compiler, that compiler builds the kernel.
      base_in = { full = { "system" } },
      prefix = "/usr",
      -- The kernel's makefiles choose the target themselves.
      env = native,
      apart = true,
      packages = { base = { "init" }, image = { "linux", "efi-stub" } },
    },
  },
}, arg)
