-- Programs for squashfs, a compressed read-only file system.
---@type bq.RecipeFile
return {
  name = "squashfs-tools",
  version = "4.7.5",
  license = "GPL-2.0-or-later",
  homepage = "https://github.com/plougher/squashfs-tools",
  source = {
    {
      url = "https://github.com/plougher/squashfs-tools/releases/download/{version}/squashfs-tools-{version}.tar.gz",
      sha256 = "547b7b7f4d2e44bf91b6fc554664850c69563701deab9fd9cd7e21f694c88ea6",
      pinned = "4.7.5",
    },
    {
      debian = "squashfs-tools_4.7.5.orig.tar.gz",
      sha256 = "547b7b7f4d2e44bf91b6fc554664850c69563701deab9fd9cd7e21f694c88ea6",
    },
  },
  strategy = "make",
  depends = { "zlib" },
  uses = { "musl", "linux-headers" },
  -- Static: mksquashfs runs in a root that holds nothing else.
  env = { LDFLAGS = "-static" },
  make = {
    "-C",
    "squashfs-tools",
    "CC={cc}",
    "CONFIG=1",
    "GZIP_SUPPORT=1",
    "LZ4_SUPPORT=0",
    "LZO_SUPPORT=0",
    "XZ_SUPPORT=0",
    "ZSTD_SUPPORT=0",
    "COMP_DEFAULT=gzip",
    "REPRODUCIBLE_DEFAULT=1",
  },
  build_targets = { "mksquashfs" },
  install = function(b)
    b:install(b.src .. "/squashfs-tools/mksquashfs", b.prefix .. "/bin/mksquashfs")
  end,
}
