-- The kernel's headers for programs. The C library, busybox and libc++ are built with them.
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
  -- These are 80 MB of 1.5 GB. The makefiles name Kbuild and Kconfig files in other folders, but `headers` does not
  -- open them.
  include = { "Makefile", "arch/arm64", "arch/x86", "include/uapi", "scripts", "tools/include" },
  strategy = "linux_headers",
  -- The kernel's build links a small program, before the unwinder is built.
  phases = { system = { uses = { "compiler-rt", "musl" }, env = { HOSTCC = "clang --unwindlib=none" } } },
}
