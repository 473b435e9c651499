-- The kernel of a disk image: one file that firmware starts, with all drivers built in.
---@type bq.RecipeFile
return {
  name = "linux",
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
  strategy = "kernel",
  fragments = { "common.config", "{arch}.config" },
  configs = { virtual = {}, generic = { "generic.config", "generic-{arch}.config" } },
  -- The makefile of a compressed aarch64 kernel needs hexdump. od is available on every system.
  make = { "cmd_copy_and_pad=cp $< $@; truncate -s $$(od -An -tu4 -j16 -N4 $<) $@" },
}
