-- Compresses: the program and the library libbz2.
local make = require "bq.strategy.make"

---@type bq.RecipeFile
return {
  name = "bzip2",
  version = "1.0.8",
  license = "bzip2-1.0.6",
  homepage = "https://sourceware.org/bzip2/",
  source = {
    { url = "https://sourceware.org/pub/bzip2/bzip2-{version}.tar.gz" },
    {
      debian = "bzip2_1.0.8.orig.tar.gz",
      sha256 = "ab5a03176ee106d3f0fa90e381da478ddae405918153cca248e682cd0c4a2269",
    },
  },
  strategy = "make",
  uses = { "musl" },
  make = { "CC={cc}", "AR=llvm-ar", "RANLIB=llvm-ranlib" },
  build_targets = { "libbz2.a", "bzip2recover" },
  build = function(b)
    make.build(b)
    b:make({ "-f", "Makefile-libbz2_so", "CC=" .. b.env.CC }, { cwd = b.src })
  end,
  install = function(b)
    local top = b.dest .. b.prefix
    b:install(b.src .. "/bzip2-shared", b.prefix .. "/bin/bzip2")
    b:install(b.src .. "/bzip2recover", b.prefix .. "/bin/bzip2recover")
    for _, name in ipairs { "bunzip2", "bzcat" } do
      b:symlink("bzip2", top .. "/bin/" .. name)
    end
    local library = "libbz2.so." .. b.version
    b:install(b.src .. "/" .. library, b.prefix .. "/lib/" .. library)
    b:symlink(library, top .. "/lib/libbz2.so.1.0")
    b:symlink(library, top .. "/lib/libbz2.so")
    b:install(b.src .. "/libbz2.a", b.prefix .. "/lib/libbz2.a", "0644")
    b:install(b.src .. "/bzlib.h", b.prefix .. "/include/bzlib.h", "0644")
    b:install(b.src .. "/bzip2.1", b.prefix .. "/share/man/man1/bzip2.1", "0644")
  end,
}
