-- The C library, static and shared; its shared object is the dynamic loader too.
---@type bq.RecipeFile
return {
  name = "musl",
  version = "1.2.6",
  license = "MIT",
  homepage = "https://musl.libc.org",
  source = {
    {
      url = "https://musl.libc.org/releases/musl-{version}.tar.gz",
      sha256 = "d585fd3b613c66151fc3249e8ed44f77020cb5e6c1e635a616d3f9f82460512a",
      pinned = "1.2.6",
    },
    {
      debian = "musl_1.2.6.orig.tar.gz",
      sha256 = "d585fd3b613c66151fc3249e8ed44f77020cb5e6c1e635a616d3f9f82460512a",
    },
  },
  -- What was mended after the release. Debian's patches of 1.2.5 fit.
  patches_from = {
    {
      debian = "musl_1.2.5-3.1~deb13u1.debian.tar.xz",
      sha256 = "46fdfb271edc2f035d8d4063ff2e299734409693e781e69e4b77e0a9a495072e",
      pinned = "1.2.6",
      patches = {
        {
          file = "debian/patches/0001-fix-pathological-slowness-incorrect-mappings-in-icon.patch",
          fixes = "CVE-2026-6042",
        },
        {
          file = "debian/patches/0002-qsort-fix-leonardo-heap-corruption-from-bug-in-doubl.patch",
          fixes = "CVE-2026-40200",
        },
      },
    },
  },
  strategy = "autotools",
  uses = { "linux-headers", "compiler-rt" },
  -- The phase may ask for static programs. This flag must not reach the linking of libc.so.
  env = { LDFLAGS = "" },
  -- The compiler expects the loader in /lib, which is a link to /usr/lib.
  configure = { "--syslibdir={prefix}/lib" },
  -- Its configure links programs before the unwinder is built.
  phases = { system = { uses = { "compiler-rt" }, env = { LDFLAGS = "--unwindlib=none" } } },
}
