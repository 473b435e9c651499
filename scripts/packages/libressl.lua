-- TLS and cryptography: OpenBSD's fork of OpenSSL, with the program `openssl` and a bundle of certificates.
---@type bq.RecipeFile
return {
  name = "libressl",
  version = "4.3.3",
  license = "OpenSSL AND ISC",
  homepage = "https://www.libressl.org",
  source = {
    {
      url = "https://ftp.openbsd.org/pub/OpenBSD/LibreSSL/libressl-{version}.tar.gz",
      sha256 = "ff97c432457f349e6ba3d416ab903bc7468f1436f0f32efe5fff808de292c7b8",
      pinned = "4.3.3",
    },
  },
  strategy = "autotools",
  uses = { "musl" },
  configure = { "--disable-static", "--disable-tests", "--disable-dependency-tracking", "--with-openssldir=/etc/ssl" },
}
