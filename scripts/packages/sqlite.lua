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
  strategy = "autotools",
  uses = { "musl", "zlib" },
  -- Its configure looks for `cc` or `gcc` to compile that interpreter.
  env = { CC_FOR_BUILD = "{cc}" },
  configure = { "--disable-static", "--disable-readline", "--disable-tcl", "--soname=legacy" },
}
