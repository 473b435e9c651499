-- The C library's headers only. compiler-rt needs them before the C library is built.
---@type bq.RecipeFile
return {
  name = "musl-headers",
  version = "1.2.6",
  license = "MIT",
  homepage = "https://musl.libc.org",
  source = {
    {
      url = "https://musl.libc.org/releases/musl-{version}.tar.gz",
      sha256 = "d585fd3b613c66151fc3249e8ed44f77020cb5e6c1e635a616d3f9f82460512a",
      pinned = "1.2.6",
    },
    {
      debian = "musl_1.2.6.orig.tar.gz",
      sha256 = "d585fd3b613c66151fc3249e8ed44f77020cb5e6c1e635a616d3f9f82460512a",
    },
  },
  strategy = "make",
  make = { "ARCH={arch}", "prefix={prefix}" },
  build_targets = {},
  install_targets = { "install-headers" },
}
