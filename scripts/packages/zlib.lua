-- The compression library that libxml2, cmake and git depend on.
---@type bq.RecipeFile
return {
  name = "zlib",
  version = "1.3.1",
  license = "Zlib",
  homepage = "https://zlib.net",
  source = {
    {
      url = "https://zlib.net/fossils/zlib-{version}.tar.gz",
      sha256 = "9a93b2b7dfdac77ceba5a558a580e74667dd6fede4585b91eefb60f03b72df23",
      pinned = "1.3.1",
    },
    {
      debian = "zlib_1.3.dfsg+really1.3.1.orig.tar.gz",
      sha256 = "60dd315c07f616887caa029408308a018ace66e3d142726a97db164b3b8f69fb",
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
