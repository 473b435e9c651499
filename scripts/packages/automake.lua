-- Makes the makefiles of configure scripts.
---@type bq.RecipeFile
return {
  name = "automake",
  version = "1.17",
  license = "GPL-2.0-or-later WITH Autoconf-exception-generic",
  homepage = "https://www.gnu.org/software/automake/",
  source = {
    { url = "https://ftp.gnu.org/gnu/automake/automake-{version}.tar.xz" },
    {
      debian = "automake-1.17_1.17.orig.tar.xz",
      sha256 = "8920c1fc411e13b90bf704ef9db6f29d540e76d232cb3b2c9f4dc4cc599bd990",
    },
  },
  strategy = "autotools",
  depends = { "autoconf", "perl" },
  runs_with = { "autoconf", "perl" },
}
