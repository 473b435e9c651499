-- The Boehm-Demers-Weiser garbage collector.
---@type bq.RecipeFile
return {
  name = "bdwgc",
  -- 8.2.6 and newer were not tried so far.
  version = "8.2.2",
  license = "Boehm-GC",
  homepage = "https://www.hboehm.info/gc/",
  source = {
    {
      url = "https://github.com/ivmai/bdwgc/releases/download/v{version}/gc-{version}.tar.gz",
      sha256 = "f30107bcb062e0920a790ffffa56d9512348546859364c23a14be264b38836a0",
      pinned = "8.2.2",
    },
    {
      debian = "libgc_8.2.2.orig.tar.gz",
      package = "libgc",
      sha256 = "f30107bcb062e0920a790ffffa56d9512348546859364c23a14be264b38836a0",
    },
  },
  strategy = "autotools",
  depends = { "libatomic_ops" },
  uses = { "musl" },
  -- The flags that pkg-config would give.
  env = { ATOMIC_OPS_CFLAGS = "-I/usr/include", ATOMIC_OPS_LIBS = "-latomic_ops" },
  configure = { "--disable-static", "--disable-docs", "--with-libatomic-ops=yes" },
}
