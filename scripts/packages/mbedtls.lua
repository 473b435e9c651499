-- TLS and cryptography: small, with long-term support.
local libraries <const> = { mbedcrypto = "SOEXT_CRYPTO", mbedx509 = "SOEXT_X509", mbedtls = "SOEXT_TLS" }

---@type bq.RecipeFile
return {
  name = "mbedtls",
  version = "3.6.7",
  license = "Apache-2.0 OR GPL-2.0-or-later",
  homepage = "https://www.trustedfirmware.org/projects/mbed-tls/",
  source = {
    { url = "https://github.com/Mbed-TLS/mbedtls/releases/download/mbedtls-{version}/mbedtls-{version}.tar.bz2" },
    {
      debian = "mbedtls_3.6.7.orig.tar.bz2",
      sha256 = "a7e8bcbec0e6f761b4af24f25677626b35f762f68eef79c08677a363212d11f6",
    },
  },
  strategy = "make",
  uses = { "musl", "linux-headers" },
  make = { "CC={cc}", "AR=llvm-ar", "SHARED=1" },
  -- The rest is programs for tests, by scripts of perl and python.
  build_targets = { "lib" },
  install = function(b)
    for _, folder in ipairs { "mbedtls", "psa" } do
      for _, entry in ipairs(b:walk(b.src .. "/include/" .. folder)) do
        if entry.path:find "%.h$" then
          local path = folder .. "/" .. entry.path
          b:install(b.src .. "/include/" .. path, b.prefix .. "/include/" .. path, "0644")
        end
      end
    end
    local makefile = b:read(b.src .. "/library/Makefile")
    for name, variable in pairs(libraries) do
      local full = ("lib%s.%s"):format(name, makefile:match(variable .. "%?=(%S+)"))
      b:install(("%s/library/%s"):format(b.src, full), ("%s/lib/%s"):format(b.prefix, full))
      b:symlink(full, ("%s%s/lib/lib%s.so"):format(b.dest, b.prefix, name))
      local text = b:read(("%s/pkgconfig/%s.pc.in"):format(b.src, name)):gsub("@([%w_]+)@", {
        CMAKE_INSTALL_PREFIX = b.prefix,
        PKGCONFIG_LIBDIR = "${prefix}/lib",
        PKGCONFIG_INCLUDEDIR = "${prefix}/include",
        PKGCONFIG_PROJECT_DESCRIPTION = "Mbed TLS",
        PKGCONFIG_PROJECT_HOMEPAGE_URL = "https://www.trustedfirmware.org/projects/mbed-tls/",
        PROJECT_VERSION = b.version,
      })
      b:write(("%s%s/lib/pkgconfig/%s.pc"):format(b.dest, b.prefix, name), text)
    end
  end,
}
