-- How libraries are built in configure scripts.
local autotools = require "bq.strategy.autotools"

---@type bq.RecipeFile
return {
  name = "libtool",
  version = "2.5.4",
  license = "GPL-2.0-or-later WITH Libtool-exception",
  homepage = "https://www.gnu.org/software/libtool/",
  source = {
    { url = "https://ftp.gnu.org/gnu/libtool/libtool-{version}.tar.xz" },
    {
      debian = "libtool_2.5.4.orig.tar.xz",
      sha256 = "d9189031edeaa6aa74695b2aeb80a8c26df50b29d8b72c991667e01adecea42c",
    },
  },
  strategy = "autotools",
  depends = { "m4" },
  uses = { "musl" },
  install = function(b)
    autotools.install(b)
    -- It is for the compiler that it was made with, whose folders it names. Packages make their own by `libtoolize`.
    b:remove(b.dest .. b.prefix .. "/bin/libtool")
  end,
}
