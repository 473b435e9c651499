-- The macro processor that autoconf and bison depend on.
---@type bq.RecipeFile
return {
  name = "m4",
  version = "1.4.19",
  license = "GPL-3.0-or-later",
  homepage = "https://www.gnu.org/software/m4",
  source = {
    {
      url = "https://ftp.gnu.org/gnu/m4/m4-{version}.tar.xz",
      sha256 = "63aede5c6d33b6d9b13511cd0be2cac046f2e70fd0a07aa9573a04a82783af96",
      pinned = "1.4.19",
    },
    {
      debian = "m4_1.4.19.orig.tar.xz",
      sha256 = "63aede5c6d33b6d9b13511cd0be2cac046f2e70fd0a07aa9573a04a82783af96",
    },
  },
  strategy = "autotools",
  uses = { "musl" },
  configure = { "--disable-nls", "--disable-dependency-tracking" },
}
