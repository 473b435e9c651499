-- The scanner generator; the kernel's build tools need it.
---@type bq.RecipeFile
return {
  name = "flex",
  version = "2.6.4",
  license = "BSD-3-Clause-flex",
  homepage = "https://github.com/westes/flex",
  source = {
    {
      url = "https://github.com/westes/flex/releases/download/v{version}/flex-{version}.tar.gz",
      sha256 = "e87aae032bf07c26f85ac0ed3250998c37621d95f8bd748b31f15b33c45ee995",
      pinned = "2.6.4",
    },
    {
      debian = "flex_2.6.4.orig.tar.gz",
      sha256 = "e87aae032bf07c26f85ac0ed3250998c37621d95f8bd748b31f15b33c45ee995",
    },
  },
  strategy = "autotools",
  -- It runs m4 each time.
  uses = { "musl", "m4" },
  -- Its configure looks for `gcc` or `cc`, for programs that run during the build. Without the bootstrap there are
  -- none.
  env = { CC_FOR_BUILD = "{cc}" },
  configure = { "--disable-nls", "--disable-static", "--disable-dependency-tracking", "--disable-bootstrap" },
  -- Do not install its news and list of authors.
  make = { "dist_doc_DATA=" },
}
