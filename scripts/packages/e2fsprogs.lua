-- Programs for ext4: `mke2fs -d` makes one from a tar, without root, with the same bytes every time. Others check and
-- resize it.
local programs <const> = { "misc/mke2fs", "misc/tune2fs", "misc/dumpe2fs", "e2fsck/e2fsck", "resize/resize2fs" }

---@type bq.RecipeFile
return {
  name = "e2fsprogs",
  version = "1.47.4",
  license = "GPL-2.0-only AND LGPL-2.0-only AND BSD-3-Clause AND MIT",
  homepage = "https://e2fsprogs.sourceforge.net",
  source = {
    {
      url = "https://cdn.kernel.org/pub/linux/kernel/people/tytso/e2fsprogs/v{version}/e2fsprogs-{version}.tar.gz",
      sha256 = "2cec05f39c20ee621f14926195664e66e6017190ac8e4bbdb16d86082e43c5da",
      pinned = "1.47.4",
    },
    {
      debian = "e2fsprogs_1.47.4.orig.tar.gz",
      sha256 = "2cec05f39c20ee621f14926195664e66e6017190ac8e4bbdb16d86082e43c5da",
    },
  },
  strategy = "autotools",
  depends = { "libarchive" },
  uses = { "musl", "linux-headers" },
  -- Static: mke2fs runs in a root that holds nothing else.
  env = { LDFLAGS = "-static" },
  configure = {
    "--with-libarchive=direct",
    "--disable-nls",
    "--disable-uuidd",
    "--disable-fsck",
    "--disable-defrag",
    "--disable-imager",
    "--disable-debugfs",
    "--disable-e2initrd-helper",
    "--without-udev-rules-dir",
    "--without-systemd-unit-dir",
    "--without-crond-dir",
  },
  -- Its own `install` expects that /bin, /sbin and /lib are not links.
  install = function(b)
    for _, program in ipairs(programs) do
      b:install(b.build .. "/" .. program, b.prefix .. "/sbin/" .. program:match "[^/]+$")
    end
    b:symlink("mke2fs", b.dest .. b.prefix .. "/sbin/mkfs.ext4")
    b:symlink("e2fsck", b.dest .. b.prefix .. "/sbin/fsck.ext4")
  end,
  phases = { host = { gnu = false } },
}
