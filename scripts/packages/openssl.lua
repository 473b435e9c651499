-- The usual library of TLS and cryptography, with its program.
local make = require "bq.strategy.make"

---@type bq.RecipeFile
return {
  name = "openssl",
  version = "3.5.7",
  license = "Apache-2.0",
  homepage = "https://www.openssl.org",
  source = {
    { url = "https://github.com/openssl/openssl/releases/download/openssl-{version}/openssl-{version}.tar.gz" },
    {
      debian = "openssl_3.5.7.orig.tar.gz",
      sha256 = "a8c0d28a529ca480f9f36cf5792e2cd21984552a3c8e4aa11a24aa31aeac98e8",
    },
  },
  strategy = "make",
  depends = { "perl" },
  uses = { "musl", "linux-headers" },
  configure = function(b)
    b:run({
      "perl",
      "./Configure",
      "linux-" .. b.arch,
      "--prefix=" .. b.prefix,
      "--libdir=lib",
      "--openssldir=/etc/ssl",
      "shared",
      "no-tests",
      "no-docs",
    }, { cwd = b.src })
  end,
  install_targets = { "install_sw", "install_ssldirs" },
}
