-- Reads tar for mke2fs, and nothing else: no compression, no other format's helpers.
---@type bq.RecipeFile
return {
  name = "libarchive",
  version = "3.7.4",
  license = "BSD-2-Clause",
  homepage = "https://libarchive.org",
  source = {
    { url = "https://libarchive.org/downloads/libarchive-{version}.tar.xz" },
    {
      debian = "libarchive_3.7.4.orig.tar.xz",
      sha256 = "f887755c434a736a609cbd28d87ddbfbe9d6a3bb5b703c22c02f6af80a802735",
    },
  },
  strategy = "autotools",
  uses = { "musl", "linux-headers" },
  configure = {
    "--disable-shared", "--disable-dependency-tracking",
    "--disable-bsdtar", "--disable-bsdcpio", "--disable-bsdcat", "--disable-bsdunzip", "--disable-acl", "--disable-xattr",
    "--without-zlib", "--without-bz2lib", "--without-libb2", "--without-iconv", "--without-lz4", "--without-zstd", "--without-lzma",
    "--without-cng", "--without-openssl", "--without-mbedtls", "--without-nettle", "--without-xml2", "--without-expat",
  },
  install_targets = { "install-exec", "install-data" },
  phases = { host = { gnu = false } },
}
