-- Several terminals in one, which go on when the connection ends.
---@type bq.RecipeFile
return {
  name = "tmux",
  version = "3.5a",
  license = "ISC",
  homepage = "https://github.com/tmux/tmux",
  source = {
    { url = "https://github.com/tmux/tmux/releases/download/{version}/tmux-{version}.tar.gz" },
    {
      debian = "tmux_3.5a.orig.tar.gz",
      sha256 = "16216bd0877170dfcc64157085ba9013610b12b082548c7c9542cc0103198951",
    },
  },
  strategy = "autotools",
  depends = { "libevent", "ncurses", "pkgconf", "bison" },
  uses = { "musl", "linux-headers" },
  -- Its configure wants to see one, also if nothing is made by it.
  env = { YACC = "bison -y" },
  in_tree = true,
  configure = { "--disable-dependency-tracking" },
}
