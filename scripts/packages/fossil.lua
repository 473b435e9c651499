-- Version control, tickets and a wiki in one program. It contains its own sqlite.
---@type bq.RecipeFile
return {
  name = "fossil",
  version = "2.28",
  license = "BSD-2-Clause",
  homepage = "https://fossil-scm.org",
  source = {
    {
      url = "https://fossil-scm.org/home/tarball/version-{version}/fossil-src-{version}.tar.gz",
      sha256 = "84c18824ca227e7602d2408b663c3747f754ad306ed5c73ddab959d6589538a6",
      pinned = "2.28",
    },
    {
      debian = "fossil_2.28.orig.tar.xz",
      sha256 = "96306d4c1cb5459bb6d1a24c4722c8c67cb7971bebb2576e60057c6a4293349c",
    },
  },
  -- Its configure needs Tcl. Fossil's release contains a copy; Debian's archive does not.
  strategy = "make",
  uses = { "musl", "zlib" },
  make = {
    "-f",
    "Makefile.classic",
    "BCC={cc}",
    -- Without TLS; and with the `-I` that its configure would add.
    "TCC={cc} -O2 -I. -Isrc -Iextsrc",
    "USE_LINENOISE=1",
    -- Its configure would set this. Without it, a target has no rule.
    "MAKE_COMPILATION_DB=no",
    "LIB=-lz -lm",
    "INSTALLDIR={dest}{prefix}/bin",
  },
}
