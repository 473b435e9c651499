-- Regular expressions as perl has them, for git.
---@type bq.RecipeFile
return {
  name = "pcre2",
  version = "10.46",
  license = "BSD-3-Clause WITH PCRE2-exception",
  homepage = "https://pcre2project.github.io/pcre2/",
  source = {
    {
      url = "https://github.com/PCRE2Project/pcre2/releases/download/pcre2-{version}/pcre2-{version}.tar.gz",
      sha256 = "8d28d7f2c3b970c3a4bf3776bcbb5adfc923183ce74bc8df1ebaad8c1985bd07",
      pinned = "10.46",
    },
    {
      debian = "pcre2_10.46.orig.tar.gz",
      sha256 = "8d28d7f2c3b970c3a4bf3776bcbb5adfc923183ce74bc8df1ebaad8c1985bd07",
    },
  },
  strategy = "autotools",
  uses = { "musl" },
  configure = { "--disable-static", "--enable-jit" },
  -- The manual is also installed as pages for `man`.
  make = { "dist_doc_DATA=", "dist_html_DATA=" },
}
