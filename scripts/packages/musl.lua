-- The C library, static and shared; its shared object is the dynamic loader too.
---@type bq.RecipeFile
return {
  name = "musl",
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
  strategy = "autotools",
  uses = { "linux-headers", "compiler-rt" },
  -- The phase may ask for static programs. This flag must not reach the linking of libc.so.
  env = { LDFLAGS = "" },
  -- The compiler expects the loader in /lib, which is a link to /usr/lib.
  configure = { "--syslibdir={prefix}/lib" },
  -- Its configure links programs before the unwinder is built.
  phases = { system = { uses = { "compiler-rt" }, env = { LDFLAGS = "--unwindlib=none" } } },
}
