-- Processes, as a table that changes.
---@type bq.RecipeFile
return {
  name = "htop",
  version = "3.4.1",
  license = "GPL-2.0-or-later",
  homepage = "https://htop.dev",
  source = {
    { url = "https://github.com/htop-dev/htop/archive/refs/tags/{version}.tar.gz" },
    { debian = "htop_3.4.1.orig.tar.gz", sha256 = "af9ec878f831b7c27d33e775c668ec79d569aa781861c995a0fbadc1bdb666cf" },
  },
  strategy = "autotools",
  autoreconf = true,
  depends = { "autoconf", "automake", "ncurses", "pkgconf" },
  uses = { "musl", "linux-headers" },
}
