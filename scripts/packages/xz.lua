-- Compresses well: the program and the library liblzma.
---@type bq.RecipeFile
return {
  name = "xz",
  version = "5.8.4",
  license = "0BSD AND GPL-2.0-or-later AND LGPL-2.1-or-later",
  homepage = "https://tukaani.org/xz/",
  source = {
    { url = "https://github.com/tukaani-project/xz/releases/download/v{version}/xz-{version}.tar.xz" },
    {
      debian = "xz-utils_5.8.4.orig.tar.xz",
      sha256 = "4ce24038fd4221e0d13bc1a2de7a4db56e90b92b3bf75321f6c14be73f65de4b",
    },
  },
  strategy = "autotools",
  uses = { "musl", "linux-headers" },
  configure = { "--disable-static", "--disable-nls", "--disable-doc", "--disable-dependency-tracking" },
}
