-- Makes configure scripts.
---@type bq.RecipeFile
return {
  name = "autoconf",
  version = "2.72",
  license = "GPL-3.0-or-later WITH Autoconf-exception-3.0",
  homepage = "https://www.gnu.org/software/autoconf/",
  source = {
    { url = "https://ftp.gnu.org/gnu/autoconf/autoconf-{version}.tar.xz" },
    {
      debian = "autoconf_2.72.orig.tar.xz",
      sha256 = "ba885c1319578d6c94d46e9b0dceb4014caafe2490e437a0dbca3f270a223f5a",
    },
  },
  strategy = "autotools",
  depends = { "m4", "perl" },
  runs_with = { "m4", "perl" },
  in_tree = true,
  configure = function(b)
    -- The macros that it installs say where they were defined: by the path that configure was called with.
    b:run({ "./configure", "--prefix=" .. b.prefix }, { cwd = b.src })
  end,
}
