-- Draws on terminals, for programs such as less, nano and tmux, with the database of terminals.
local autotools = require "bq.strategy.autotools"

---@type bq.RecipeFile
return {
  name = "ncurses",
  version = "6.6+20260608",
  license = "X11-distribute-modifications-variant",
  homepage = "https://invisible-island.net/ncurses/",
  source = {
    {
      debian = "ncurses_6.6+20260608.orig.tar.gz",
      sha256 = "3b91eb714ba61b9ebfcfe09cf8e7c1c45cf2e8a6282f5887fb942db514ae93bd",
    },
  },
  strategy = "autotools",
  uses = { "musl", "linux-headers" },
  configure = {
    "--with-shared",
    "--without-normal",
    "--without-debug",
    "--without-ada",
    "--without-cxx",
    "--without-cxx-binding",
    "--without-manpages",
    "--without-tests",
    "--disable-stripping",
    "--enable-widec",
    "--enable-overwrite",
    "--enable-pc-files",
    "--with-pkg-config-libdir={prefix}/lib/pkgconfig",
    "--with-default-terminfo-dir={prefix}/share/terminfo",
    "--with-terminfo-dirs=/etc/terminfo:{prefix}/share/terminfo",
  },
  install = function(b)
    autotools.install(b)
    -- A comment in it says by what it was made.
    b:replace(b.dest .. b.prefix .. "/include/curses.h", b.src .. "/", "")
    -- Many programs ask for the library by its name without wide characters, or for a part of it.
    local lib = b.dest .. b.prefix .. "/lib"
    for _, name in ipairs { "ncurses", "curses", "tinfo", "tinfow", "panel", "menu", "form" } do
      local target = name:find "^[pmf]" and name or "ncurses"
      b:symlink(("lib%sw.so"):format(target), ("%s/lib%s.so"):format(lib, name))
      b:symlink(("%sw.pc"):format(target), ("%s/pkgconfig/%s.pc"):format(lib, name))
    end
  end,
  -- The database has 2800 terminals, and takes 7 MB. These are the ones that are used today.
  parts = {
    run = {
      "/usr/share/terminfo/a/ansi",
      "/usr/share/terminfo/a/alacritty*",
      "/usr/share/terminfo/d/dumb",
      "/usr/share/terminfo/f/foot*",
      "/usr/share/terminfo/g/gnome*",
      "/usr/share/terminfo/k/konsole*",
      "/usr/share/terminfo/l/linux*",
      "/usr/share/terminfo/p/putty*",
      "/usr/share/terminfo/r/rxvt*",
      "/usr/share/terminfo/s/screen*",
      "/usr/share/terminfo/s/st-*",
      "/usr/share/terminfo/t/tmux*",
      "/usr/share/terminfo/v/vt100*",
      "/usr/share/terminfo/v/vt102*",
      "/usr/share/terminfo/v/vt220*",
      "/usr/share/terminfo/x/xterm*",
    },
    dev = { "/usr/share/terminfo" },
  },
}
