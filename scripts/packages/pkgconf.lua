-- Tells compilers how to use a library: pkg-config.
local autotools = require "bq.strategy.autotools"

---@type bq.RecipeFile
return {
  name = "pkgconf",
  version = "1.8.1",
  license = "ISC",
  homepage = "https://github.com/pkgconf/pkgconf",
  source = {
    { url = "https://distfiles.ariadne.space/pkgconf/pkgconf-{version}.tar.xz" },
    {
      debian = "pkgconf_1.8.1.orig.tar.xz",
      sha256 = "644361ada2942be05655d4452eb018791647c31bba429b287f1f68deb2dc6840",
    },
  },
  strategy = "autotools",
  uses = { "musl" },
  configure = {
    "--disable-static",
    "--disable-dependency-tracking",
    "--with-pkg-config-dir={prefix}/lib/pkgconfig:{prefix}/share/pkgconfig",
    "--with-system-libdir={prefix}/lib",
    "--with-system-includedir={prefix}/include",
  },
  install = function(b)
    autotools.install(b)
    b:symlink("pkgconf", b.dest .. b.prefix .. "/bin/pkg-config")
  end,
}
