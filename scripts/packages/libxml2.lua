-- Reading and writing XML.
---@type bq.RecipeFile
return {
  name = "libxml2",
  version = "2.15.4",
  license = "MIT",
  homepage = "https://gitlab.gnome.org/GNOME/libxml2",
  source = {
    {
      url = "https://download.gnome.org/sources/libxml2/2.15/libxml2-{version}.tar.xz",
      sha256 = "98087fd181d9070724f3fbc65c7377db03038eb92bd882374daff44940138821",
      pinned = "2.15.4",
    },
    { -- without one test file, because of its licence
      debian = "libxml2_2.15.4+dfsg.orig.tar.xz",
      sha256 = "5868d20db42ee21e4881bc53050c7fa226286a277cb3d0543f76b81f7571e934",
    },
  },
  strategy = "cmake",
  depends = { "zlib" },
  uses = { "musl" },
  -- It uses the C library's iconv.
  cmake = { "LIBXML2_WITH_ZLIB=ON", "LIBXML2_WITH_ICONV=ON", "LIBXML2_WITH_TESTS=OFF" },
}
