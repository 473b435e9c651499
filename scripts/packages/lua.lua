-- The language that bq is written in, for people at its prompt: the interpreter, the compiler and the library.
---@type bq.RecipeFile
return {
  name = "lua",
  version = "5.4.7",
  license = "MIT",
  homepage = "https://www.lua.org",
  source = {
    {
      url = "https://www.lua.org/ftp/lua-{version}.tar.gz",
      sha256 = "9fbf5e28ef86c69858f6d3d34eccc32e911c1a28b4120ff3e84aaa70cfbf1e30",
      pinned = "5.4.7",
    },
    {
      debian = "lua5.4_5.4.7.orig.tar.gz",
      sha256 = "9fbf5e28ef86c69858f6d3d34eccc32e911c1a28b4120ff3e84aaa70cfbf1e30",
    },
  },
  strategy = "make",
  uses = { "musl" },
  make = {
    "CC={cc}",
    "AR=llvm-ar rcu",
    "RANLIB=llvm-ranlib",
    "INSTALL_TOP={dest}{prefix}",
    "INSTALL_MAN={dest}{prefix}/share/man/man1",
  },
  build_targets = { "linux" },
  configure = function(b)
    -- The folders in which it looks for modules. Its makefile does not set them.
    b:replace(b.src .. "/src/luaconf.h", '"/usr/local/"', ('"%s/"'):format(b.prefix))
  end,
}
