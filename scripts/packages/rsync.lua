-- Copies files to another machine, and only what changed of them.
local autotools = require "bq.strategy.autotools"

---@type bq.RecipeFile
return {
  name = "rsync",
  version = "3.5.1",
  license = "GPL-3.0-or-later",
  homepage = "https://rsync.samba.org",
  source = {
    { url = "https://download.samba.org/pub/rsync/src/rsync-{version}.tar.gz" },
    {
      debian = "rsync_3.5.1+ds1.orig.tar.xz",
      sha256 = "23e1a1a9586024869c424cb0554b24919f04b4f13aa81b41f652a80abf97baf1",
    },
  },
  strategy = "autotools",
  depends = { "popt", "zlib" },
  uses = { "musl", "linux-headers" },
  configure = function(b)
    -- Debian's archive has no copies of zlib and popt, and configure asks for a file in their folders.
    for _, folder in ipairs { "zlib", "popt" } do
      b:write(("%s/%s/dummy.in"):format(b.src, folder), "")
    end
    -- In a text that takes the place of a match, busybox's awk drops a backslash before a quotation mark.
    b:replace(b.src .. "/help-from-md.awk", [["\\\""]], [["\\\\\""]])
    b.recipe.configure = {
      "--without-included-popt",
      "--without-included-zlib",
      "--disable-openssl",
      "--disable-xxhash",
      "--disable-zstd",
      "--disable-lz4",
      "--disable-acl-support",
      "--disable-idn",
      "--disable-md2man",
    }
    autotools.configure(b)
  end,
  install = function(b)
    autotools.install(b)
    -- Needs bash, and a program for TLS.
    b:remove(b.dest .. b.prefix .. "/bin/rsync-ssl")
  end,
  services = {
    -- What it serves is said in /etc/rsyncd.conf.
    rsyncd = { run = { "/usr/bin/rsync", "--daemon", "--no-detach" } },
  },
}
