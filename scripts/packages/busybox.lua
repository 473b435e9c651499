-- The shell and the usual commands, in one static program.
---@type bq.RecipeFile
return {
  name = "busybox",
  version = "1.38.0",
  license = "GPL-2.0-only",
  homepage = "https://busybox.net",
  source = {
    {
      url = "https://busybox.net/downloads/busybox-{version}.tar.bz2",
      sha256 = "34f9ea6ff8636f2c9241153b9114eefa9e65674a45318ae1ef95bb5f31c53bb2",
      pinned = "1.38.0",
    },
    {
      debian = "busybox_1.38.0.orig.tar.bz2",
      sha256 = "34f9ea6ff8636f2c9241153b9114eefa9e65674a45318ae1ef95bb5f31c53bb2",
    },
  },
  patches_from = {
    {
      debian = "busybox_1.38.0-3.debian.tar.xz",
      sha256 = "9493090e7456abb7707a356ab71a810065b555fdeddc6f71d4dd1dc09ebc342f",
      patches = {
        { file = "debian/patches/awk.c-fix-CVE-2023-42366-bug-15874.patch", fixes = "CVE-2023-42366" },
        { file = "debian/patches/wget-disallow-control-chars-in-URLs-CVE-2025-60876.patch", fixes = "CVE-2025-60876" },
        {
          file = "debian/patches/archival-libarchive-sanitize-filenames-on-output-CVE-2025-46394-2.patch",
          fixes = "CVE-2025-46394",
        },
        { file = "debian/patches/netstat-sanitize-argv0-for-p-CVE-2024-58251.patch", fixes = "CVE-2024-58251" },
        {
          file = "debian/patches/ash-fix-out-of-bounds-read-in-ifsbreakup-CVE-2026-38754.patch",
          fixes = "CVE-2026-38754",
        },
        { file = "debian/patches/ash-fix-stack-overflow-in-evalfun-CVE-2026-38755.patch", fixes = "CVE-2026-38755" },
        { file = "debian/patches/awk-fix-stack-overflow-in-evaluate-CVE-2026-38752.patch", fixes = "CVE-2026-38752" },
        { file = "debian/patches/awk-fix-use-after-free-in-awk_sub-CVE-2026-38753.patch", fixes = "CVE-2026-38753" },
      },
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
  },
}
