-- The shell and the usual commands, in one static program.
---@type bq.RecipeFile
return {
  name = "busybox",
  version = "1.37.0",
  license = "GPL-2.0-only",
  homepage = "https://busybox.net",
  source = {
    {
      url = "https://busybox.net/downloads/busybox-{version}.tar.bz2",
      sha256 = "3311dff32e746499f4df0d5df04d7eb396382d7e108bb9250e7b519b837043a4",
      pinned = "1.37.0",
    },
    {
      debian = "busybox_1.37.0.orig.tar.bz2",
      sha256 = "3311dff32e746499f4df0d5df04d7eb396382d7e108bb9250e7b519b837043a4",
    },
  },
  strategy = "busybox",
  uses = { "musl", "linux-headers" },
  -- A command of another package replaces the applet.
  yields = { "/usr/bin/*", "/usr/sbin/*" },
  env = { KCONFIG_NOTIMESTAMP = "1" },
  config = {
    STATIC = true,
    -- The applets go into bin and sbin below the prefix, since /bin and /sbin are links.
    INSTALL_NO_USR = true,
    -- Needs definitions of CBQ, which newer kernel headers do not have.
    TC = false,
    -- Compiles for x86 only (1.37.0).
    SHA1_HWACCEL = false,
  },
}
