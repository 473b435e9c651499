-- Reads command lines. rsync depends on it.
---@type bq.RecipeFile
return {
  name = "popt",
  version = "1.19",
  license = "MIT",
  homepage = "https://github.com/rpm-software-management/popt",
  source = {
    { url = "https://ftp.osuosl.org/pub/rpm/popt/releases/popt-1.x/popt-{version}.tar.gz" },
    {
      debian = "popt_1.19+dfsg.orig.tar.xz",
      sha256 = "4cd0cd2963d0c4078f65949599d97135c15ee6c09cf3a36a9a1b2753025bb06b",
    },
  },
  strategy = "autotools",
  uses = { "musl", "linux-headers" },
  configure = { "--disable-nls", "--disable-static", "--disable-dependency-tracking" },
}
