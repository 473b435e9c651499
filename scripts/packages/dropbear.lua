-- A small server and client of SSH. The keys of a machine are made when they are first needed, and stay in /etc/dropbear.
local autotools = require "bq.strategy.autotools"

local options <const> = {
  "--enable-bundled-libtom",
  -- musl keeps no record of logins.
  "--disable-lastlog",
  "--disable-utmp",
  "--disable-utmpx",
  "--disable-wtmp",
  "--disable-wtmpx",
  "--disable-loginfunc",
}

---@type bq.RecipeFile
return {
  name = "dropbear",
  version = "2026.94",
  license = "MIT AND BSD-2-Clause AND Unlicense AND WTFPL",
  homepage = "https://matt.ucc.asn.au/dropbear/dropbear.html",
  source = {
    { url = "https://matt.ucc.asn.au/dropbear/releases/dropbear-{version}.tar.bz2" },
    {
      debian = "dropbear_2026.94.orig.tar.bz2",
      sha256 = "e098034a843699200c8c977a991fff73159735bf795d5f72ef672c41a6b1ae81",
    },
  },
  strategy = "autotools",
  depends = { "zlib" },
  uses = { "musl", "linux-headers" },
  -- OpenSSH's programs of these names take their places.
  yields = { "/usr/bin/ssh", "/usr/bin/scp" },
  configure = function(b)
    -- Commands that come by ssh find what a login finds.
    b:write(
      b.build .. "/localoptions.h",
      '#define DEFAULT_PATH "/usr/local/bin:/usr/bin:/usr/sbin"\n#define DEFAULT_ROOT_PATH DEFAULT_PATH\n'
    )
    b.recipe.configure = options
    autotools.configure(b)
  end,
  -- One program of several names.
  make = { "PROGRAMS=dropbear dbclient dropbearkey dropbearconvert scp", "MULTI=1", "SCPPROGRESS=1" },
  install = function(b)
    autotools.install(b)
    b:symlink("dropbearmulti", b.dest .. b.prefix .. "/bin/ssh")
    b:mkdir(b.dest .. "/etc/dropbear")
    b:chmod(b.dest .. "/etc/dropbear", "0700")
  end,
  services = {
    -- In the foreground, with its log on standard error; -R makes keys that are not there yet; -s: nobody comes in by a password.
    dropbear = { run = { "/usr/sbin/dropbear", "-F", "-E", "-R", "-s" } },
  },
}
