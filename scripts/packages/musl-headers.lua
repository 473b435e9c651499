-- The C library's headers only. compiler-rt needs them before the C library is built.
---@type bq.RecipeFile
return {
  name = "musl-headers",
  version = "1.2.5",
  license = "MIT",
  homepage = "https://musl.libc.org",
  source = {
    {
      url = "https://musl.libc.org/releases/musl-{version}.tar.gz",
      sha256 = "a9a118bbe84d8764da0ea0d28b3ab3fae8477fc7e4085d90102b8596fc7c75e4",
      pinned = "1.2.5",
    },
    {
      debian = "musl_1.2.5.orig.tar.gz",
      sha256 = "a9a118bbe84d8764da0ea0d28b3ab3fae8477fc7e4085d90102b8596fc7c75e4",
    },
  },
  strategy = "make",
  make = { "ARCH={arch}", "prefix={prefix}" },
  build_targets = {},
  install_targets = { "install-headers" },
}
