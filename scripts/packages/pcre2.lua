-- Regular expressions as perl has them, for git.
---@type bq.RecipeFile
return {
  name = "pcre2",
  version = "10.48",
  license = "BSD-3-Clause WITH PCRE2-exception",
  homepage = "https://pcre2project.github.io/pcre2/",
  source = {
    {
      url = "https://github.com/PCRE2Project/pcre2/releases/download/pcre2-{version}/pcre2-{version}.tar.gz",
      sha256 = "ebcc25aadf2a51fa1fefa9b8bc9e7a79b3dae86870a0f1152a22e42befd46888",
      pinned = "10.48",
    },
    {
      debian = "pcre2_10.48.orig.tar.gz",
      sha256 = "ebcc25aadf2a51fa1fefa9b8bc9e7a79b3dae86870a0f1152a22e42befd46888",
    },
  },
  strategy = "autotools",
  uses = { "musl" },
  -- Without its compiler for machine code: patterns can make that write beyond its stack (GHSA-r9hj-j2rw-4q3m, not
  -- mended in 10.48).
  configure = { "--disable-static", "--disable-jit" },
  -- The manual is also installed as pages for `man`.
  make = { "dist_doc_DATA=", "dist_html_DATA=" },
}
