-- Numbers of any size.
local autotools = require "bq.strategy.autotools"

---@type bq.RecipeFile
return {
  name = "gmp",
  version = "6.3.0",
  license = "LGPL-3.0-or-later OR GPL-2.0-or-later",
  homepage = "https://gmplib.org",
  source = {
    {
      url = "https://ftp.gnu.org/gnu/gmp/gmp-{version}.tar.xz",
      sha256 = "a3c2b80201b89e68616f4ad30bc66aee4927c3ce50e33929ca819d5c43538898",
      pinned = "6.3.0",
    },
    {
      debian = "gmp_6.3.0+dfsg.orig.tar.xz",
      sha256 = "bd2966e6d277f79328e894a5a9f3ba3fbf2ed2be81def5f48623e30c23fb1572",
    },
  },
  strategy = "autotools",
  -- Its assembly is written in m4.
  depends = { "m4" },
  uses = { "musl" },
  configure = function(b)
    -- Debian's archive lacks the manual (for its licence): nobody gets it, so that both sources give the same.
    b:write(b.src .. "/doc/Makefile.in", "all check install:\n")
    b.recipe.configure = { "--disable-static" }
    autotools.configure(b)
  end,
}
