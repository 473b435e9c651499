-- GNU make: what nearly every package is built by, and whose jobserver shares the jobs of a build.
local autotools = require "bq.strategy.autotools"
local fs = require "bq.fs"

return {
  name = "make",
  version = "4.4.1",
  license = "GPL-3.0-or-later",
  homepage = "https://www.gnu.org/software/make",
  source = {
    { url = "https://ftp.gnu.org/gnu/make/make-{version}.tar.gz" },
    {
      debian = "make-dfsg_4.4.1.orig.tar.xz",
      sha256 = "3b16b00ea1079af9f8096bbc71ff7cc00c249fc6a862003da3c42308a0adb0fe",
    },
  },
  strategy = "autotools",
  uses = { "musl" },
  configure = function(b)
    -- Debian's form of the source is without the manual, for its licence, but its makefile is wanted.
    if not fs.stat(b.src .. "/doc/Makefile.in") then
      b:write(b.src .. "/doc/Makefile.in", "all install check:\n")
      b:write(b.src .. "/doc/make.1", "")
    end
    b.recipe.configure = { "--without-guile", "--disable-nls", "--disable-dependency-tracking" }
    autotools.configure(b)
  end,
  phases = {
    -- Static: it has to run in roots that hold no C library of ours yet.
    sysroot = { env = { LDFLAGS = "-static" } },
  },
}
