-- Compresses fast: the program and the library.
---@type bq.RecipeFile
return {
  name = "zstd",
  version = "1.5.7",
  license = "BSD-3-Clause OR GPL-2.0-only",
  homepage = "https://facebook.github.io/zstd/",
  source = {
    { url = "https://github.com/facebook/zstd/releases/download/v{version}/zstd-{version}.tar.gz" },
    {
      debian = "libzstd_1.5.7+dfsg.orig.tar.xz",
      sha256 = "0c092ef267edce57ba7f3f2645c861f72eaf5e76273c6c3632869423464b90a5",
    },
  },
  strategy = "make",
  uses = { "musl" },
  -- Without readers of other formats, which would be there or not as the root has them.
  make = {
    "prefix={prefix}",
    "CC={cc}",
    "AR=llvm-ar",
    "HAVE_ZLIB=0",
    "HAVE_LZMA=0",
    "HAVE_LZ4=0",
    "ZSTD_LEGACY_SUPPORT=0",
  },
  build_targets = { "lib-release", "zstd-release" },
}
