-- An editor that says which keys it knows.
---@type bq.RecipeFile
return {
  name = "nano",
  version = "8.4",
  license = "GPL-3.0-or-later",
  homepage = "https://www.nano-editor.org",
  source = {
    { url = "https://www.nano-editor.org/dist/v8/nano-{version}.tar.xz" },
    {
      debian = "nano_8.4.orig.tar.xz",
      sha256 = "5ad29222bbd55624d87ea677928b3106a743114d6c6f9b41f36c97be2a8e628d",
    },
  },
  strategy = "autotools",
  depends = { "ncurses", "pkgconf" },
  uses = { "musl", "linux-headers" },
  configure = { "--disable-nls", "--disable-libmagic", "--disable-dependency-tracking" },
}
