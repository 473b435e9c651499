-- Shows a text page by page, and goes back in it.
---@type bq.RecipeFile
return {
  name = "less",
  version = "668",
  license = "GPL-3.0-or-later OR BSD-2-Clause",
  homepage = "https://www.greenwoodsoftware.com/less/",
  source = {
    { url = "https://www.greenwoodsoftware.com/less/less-{version}.tar.gz" },
    {
      debian = "less_668.orig.tar.gz",
      sha256 = "2819f55564d86d542abbecafd82ff61e819a3eec967faa36cd3e68f1596a44b8",
    },
  },
  strategy = "autotools",
  depends = { "ncurses" },
  uses = { "musl", "linux-headers" },
  configure = { "--with-regex=posix" },
}
