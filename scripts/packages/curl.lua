-- Fetches by HTTPS and other protocols, as a program and as a library. TLS comes from mbedtls.
---@type bq.RecipeFile
return {
  name = "curl",
  version = "8.21.0",
  license = "curl",
  homepage = "https://curl.se",
  source = {
    { url = "https://curl.se/download/curl-{version}.tar.gz" },
    {
      debian = "curl_8.21.0.orig.tar.gz",
      sha256 = "d9b327997999045a24cda50f3983e69e51c516bd8be6ef9842fc7f99135e33bb",
    },
  },
  strategy = "autotools",
  depends = { "mbedtls", "zlib" },
  uses = { "musl", "linux-headers" },
  -- Whom it trusts.
  runs_with = { "ca-certificates" },
  configure = {
    "--with-mbedtls",
    "--with-ca-bundle=/etc/ssl/cert.pem",
    "--without-ca-path",
    "--without-libpsl",
    "--disable-static",
    "--disable-dependency-tracking",
    "--disable-ldap",
    "--disable-docs",
    "--disable-manual",
    -- A resolver in a thread: names are looked up while other transfers go on.
    "--enable-threaded-resolver",
  },
}
