-- The shell of GNU. The `sh` of a root stays busybox's.
local autotools = require "bq.strategy.autotools"

---@type bq.RecipeFile
return {
  name = "bash",
  version = "5.3",
  license = "GPL-3.0-or-later",
  homepage = "https://www.gnu.org/software/bash/",
  source = {
    { url = "https://ftp.gnu.org/gnu/bash/bash-{version}.tar.gz" },
    {
      debian = "bash_5.3.orig.tar.xz",
      sha256 = "a70de6bb41f5e192534a5a1836b1d7fad9a8d4818a6e1506d70f38441552c17a",
    },
  },
  strategy = "autotools",
  depends = { "ncurses" },
  uses = { "musl", "linux-headers" },
  env = { CC_FOR_BUILD = "{cc}" },
  configure = { "--without-bash-malloc", "--disable-nls", "--with-curses" },
  make = { "TERMCAP_LIB=-lncursesw" },
  install = function(b)
    autotools.install(b)
    -- For whoever compiles commands of bash's own; it names the folders of this build.
    b:remove(b.dest .. b.prefix .. "/lib/bash/Makefile.inc")
  end,
}
