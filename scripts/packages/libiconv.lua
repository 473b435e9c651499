-- Converts between more character sets than the C library knows. Also the program `iconv`.
---@type bq.RecipeFile
return {
  name = "libiconv",
  version = "1.19",
  license = "LGPL-2.1-or-later AND GPL-3.0-or-later",
  homepage = "https://www.gnu.org/software/libiconv/",
  source = {
    {
      url = "https://ftp.gnu.org/gnu/libiconv/libiconv-{version}.tar.gz",
      sha256 = "88dd96a8c0464eca144fc791ae60cd31cd8ee78321e67397e25fc095c4a19aa6",
      pinned = "1.19",
    },
  },
  strategy = "autotools",
  uses = { "musl" },
  configure = {
    "--disable-nls",
    "--disable-static",
    "--disable-dependency-tracking",
    -- The C library has its own iconv.h. Programs that include it must not need this library. So this header is in a
    -- separate folder: `-I/usr/include/libiconv -liconv`.
    "--includedir={prefix}/include/libiconv",
  },
}
