-- The compression library that libxml2, cmake and git depend on.
---@type bq.RecipeFile
return {
  name = "zlib",
  version = "1.3.2",
  license = "Zlib",
  homepage = "https://zlib.net",
  source = {
    { url = "https://zlib.net/fossils/zlib-{version}.tar.gz" },
    {
      debian = "zlib_1.3.dfsg+really1.3.2.orig.tar.gz",
      sha256 = "7b6903eb019983987b7112eccf90f1703f1c6c0e0cede36564bf611d19ca579d",
    },
  },
  strategy = "autotools",
  uses = { "musl" },
  gnu = false,
  -- Its configure asks for a version script that its own test program does not satisfy, which lld 17 and newer refuse (and
  -- then there is no shared library); musl's loader takes no notice of symbol versions.
  env = { LDSHARED = "{cc} -shared -Wl,-soname,libz.so.1" },
  configure = { "--shared" },
}
