-- The parser generator; the kernel's build tools need it.
local autotools = require "bq.strategy.autotools"

-- Its targets `all` and `install` need the manual, which Debian's archive does not have, and perl, for the manual and
-- its examples. So the program and its data are built and installed separately.
local function make(b, more)
  b:make(table.move(more, 1, #more, 4, { "mfcalc_sources=", "rpcalc_sources=", "simple_sources=" }))
end

---@type bq.RecipeFile
return {
  name = "bison",
  version = "3.8.2",
  license = "GPL-3.0-or-later",
  homepage = "https://www.gnu.org/software/bison/",
  source = {
    {
      url = "https://ftp.gnu.org/gnu/bison/bison-{version}.tar.xz",
      sha256 = "9bba0214ccf7f1079c5d59210045227bcf619519840ebfa80cd3849cff5a5bf2",
      pinned = "3.8.2",
    },
    {
      debian = "bison_3.8.2+dfsg.orig.tar.xz",
      sha256 = "dff8a3c96dd34121828f62a7fa49e1f7765815b89e59f564e8d2a9e71c177be5",
    },
  },
  strategy = "autotools",
  -- It runs m4 each time.
  uses = { "musl", "m4" },
  configure = function(b)
    b.recipe.configure = { "--disable-nls", "--disable-yacc", "--disable-dependency-tracking" }
    autotools.configure(b)
  end,
  build = function(b)
    make(b, { "--eval=headers:; $(MAKE) $(BUILT_SOURCES)", "headers" })
    make(b, { "src/bison" })
  end,
  install = function(b)
    make(b, { "DESTDIR=" .. b.dest, "install-binPROGRAMS" })
    make(
      b,
      { "DESTDIR=" .. b.dest, "install-dist_pkgdataDATA", "install-dist_skeletonsDATA", "install-dist_m4sugarDATA" }
    )
    b:install(b.src .. "/doc/bison.1", b.prefix .. "/share/man/man1/bison.1", "0644")
  end,
}
