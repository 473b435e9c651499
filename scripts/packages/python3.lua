-- The language Python, without its tests, its editor and what needs X.
local autotools = require "bq.strategy.autotools"

local version <const> = "3.13.5"
local series <const> = version:match "^%d+%.%d+"

---@type bq.RecipeFile
return {
  name = "python3",
  version = version,
  license = "PSF-2.0",
  homepage = "https://www.python.org",
  source = {
    { url = "https://www.python.org/ftp/python/{version}/Python-{version}.tar.xz" },
    {
      debian = "python3.13_3.13.5.orig.tar.xz",
      sha256 = "93e583f243454e6e9e4588ca2c2662206ad961659863277afcdb96801647d640",
    },
  },
  strategy = "autotools",
  depends = { "bzip2", "libffi", "ncurses", "openssl", "pkgconf", "sqlite", "xz", "zlib" },
  uses = { "musl", "linux-headers" },
  configure = {
    "--enable-shared",
    "--without-ensurepip",
    "--disable-test-modules",
    "--without-static-libpython",
  },
  install = function(b)
    autotools.install(b)
    local bin, lib = b.dest .. b.prefix .. "/bin", b.dest .. b.prefix .. "/lib/python" .. series
    for _, name in ipairs { "idle3", "idle" .. series } do
      b:remove(bin .. "/" .. name)
    end
    b:symlink("python3", bin .. "/python")
    for _, name in ipairs { "ensurepip", "idlelib", "tkinter", "turtledemo", "turtle.py" } do
      b:remove(lib .. "/" .. name)
    end
    for _, one in ipairs(b:walk(lib)) do
      local path, name = lib .. "/" .. one.path, one.path:match "[^/]+$"
      -- What `python3 -O` runs is compiled when it is asked for, and what is edited here is, too.
      if name:find "%.opt%-[12]%.pyc$" or name:find "^_sysconfigdata.*%.pyc$" or name:find "^turtle%." then
        b:remove(path)
      elseif
        name:find "^_sysconfigdata.*%.py$"
        or one.path:find "^config%-.*/Makefile$"
        or one.path:find "^config%-.*/config%.c$"
      then
        -- Where it was built is of no use to anybody.
        b:write(path, (b:read(path):gsub(b.src, "."):gsub(b.build, ".")))
      end
    end
  end,
}
