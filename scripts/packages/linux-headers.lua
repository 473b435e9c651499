-- What programs may know of the kernel: the C library, busybox and libc++ are built against these.
---@type bq.RecipeFile
return {
  name = "linux-headers",
  version = "6.12.107",
  license = "GPL-2.0-only WITH Linux-syscall-note",
  homepage = "https://kernel.org",
  source = {
    { url = "https://cdn.kernel.org/pub/linux/kernel/v6.x/linux-{version}.tar.xz" },
    {
      debian = "linux_6.12.107.orig.tar.xz",
      sha256 = "efc76d3c78a5d65f42724118c437d11db1c9f6309a5f024ee9a8b1978fdc6919",
    },
  },
  -- 80 MB of 1.5 GB. The makefiles name Kbuild and Kconfig files outside of these, but do not open them for `headers`.
  include = { "Makefile", "arch/arm64", "arch/x86", "include/uapi", "scripts", "tools/include" },
  strategy = "linux_headers",
  -- A small program of the kernel's build is linked, before there is an unwinder.
  phases = { system = { uses = { "compiler-rt", "musl" }, env = { HOSTCC = "clang --unwindlib=none" } } },
}
