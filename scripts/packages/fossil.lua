-- Version control, tickets and a wiki in one program; it brings its own sqlite.
return {
  name = "fossil",
  version = "2.28",
  license = "BSD-2-Clause",
  homepage = "https://fossil-scm.org",
  source = {
    {
      debian = "fossil_2.28.orig.tar.xz",
      sha256 = "96306d4c1cb5459bb6d1a24c4722c8c67cb7971bebb2576e60057c6a4293349c",
    },
  },
  -- Its configure wants Tcl, of which Debian's archive lacks the copy that fossil brings.
  strategy = "make",
  uses = { "musl", "zlib" },
  make = { "-f", "Makefile.classic", "BCC=clang", "TCC=clang -I. -Isrc -Iextsrc", "LIB=-lz -lm", "INSTALLDIR={dest}{prefix}/bin", "MAKE_COMPILATION_DB=no" },
}
