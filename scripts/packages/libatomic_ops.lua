-- Atomic operations for the garbage collector.
---@type bq.RecipeFile
return {
  name = "libatomic_ops",
  version = "7.8.2",
  license = "MIT AND GPL-2.0-or-later",
  homepage = "https://github.com/ivmai/libatomic_ops",
  source = {
    {
      url = "https://github.com/ivmai/libatomic_ops/releases/download/v{version}/libatomic_ops-{version}.tar.gz",
      sha256 = "d305207fe207f2b3fb5cb4c019da12b44ce3fcbc593dfd5080d867b1a2419b51",
      pinned = "7.8.2",
    },
    {
      debian = "libatomic-ops_7.8.2.orig.tar.gz",
      sha256 = "ad8428a40e01d41bc4ddad3166afa1fc175c9e58d8ef7ddbd7ef3298e32ac37b",
    },
  },
  -- Debian's archive is the release's tag, which has no configure script.
  strategy = "cmake",
  uses = { "musl" },
  cmake = { "BUILD_SHARED_LIBS=ON", "build_tests=OFF", "enable_docs=OFF" },
}
