-- The database in one file: library and shell. The Tcl interpreter that it contains generates parts of its source.
---@type bq.RecipeFile
return {
  name = "sqlite",
  version = "3.53.4",
  license = "blessing",
  homepage = "https://sqlite.org",
  source = {
    {
      debian = "sqlite3_3.53.4.orig.tar.xz",
      sha256 = "05366adc8ee80c6b1faa71285b49d133c2121238ca58934b077fdeb95934abd4",
    },
  },
  patches_from = {
    {
      debian = "sqlite3_3.53.4-2.debian.tar.xz",
      sha256 = "43bc295284387f7b69aca9ace6c43f16e6d9472905dbd7d9ab707576db887962",
      patches = { { file = "debian/patches/CVE-2026-50813.patch", fixes = "CVE-2026-50813" } },
    },
  },
  strategy = "autotools",
  uses = { "musl", "zlib" },
  -- Its configure looks for `cc` or `gcc` to compile that interpreter.
  env = { CC_FOR_BUILD = "{cc}" },
  configure = { "--disable-static", "--disable-readline", "--disable-tcl", "--soname=legacy" },
}
