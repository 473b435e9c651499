-- GNU make. Nearly every package is built with it, and its jobserver shares the jobs of a build.
local autotools = require "bq.strategy.autotools"

---@type bq.RecipeFile
return {
  name = "make",
  version = "4.4.1",
  license = "GPL-3.0-or-later",
  homepage = "https://www.gnu.org/software/make",
  source = {
    {
      url = "https://ftp.gnu.org/gnu/make/make-{version}.tar.gz",
      sha256 = "dd16fb1d67bfab79a72f5e8390735c49e3e8e70b4945a15ab1f81ddb78658fb3",
      pinned = "4.4.1",
    },
    {
      debian = "make-dfsg_4.4.1.orig.tar.xz",
      sha256 = "3b16b00ea1079af9f8096bbc71ff7cc00c249fc6a862003da3c42308a0adb0fe",
    },
  },
  strategy = "autotools",
  uses = { "musl" },
  configure = function(b)
    -- Debian's archive does not have the manual, because of its licence. It is never installed, so that both sources
    -- give the same output.
    b:write(b.src .. "/doc/Makefile.in", "all install check:\n")
    b:write(b.src .. "/doc/make.1", "")
    b.recipe.configure = { "--without-guile", "--disable-nls", "--disable-dependency-tracking" }
    autotools.configure(b)
  end,
  phases = {
    -- Static: it has to run in roots that hold no C library of ours yet.
    sysroot = { env = { LDFLAGS = "-static" } },
  },
}
