-- Calls functions when something happens to a file, or when it is time. tmux depends on it.
local autotools = require "bq.strategy.autotools"

---@type bq.RecipeFile
return {
  name = "libevent",
  version = "2.1.13",
  license = "BSD-3-Clause",
  homepage = "https://libevent.org",
  source = {
    {
      url = "https://github.com/libevent/libevent/releases/download/release-{version}-stable/libevent-{version}-stable.tar.gz",
    },
    {
      debian = "libevent_2.1.13-stable.orig.tar.gz",
      sha256 = "f7e9383b8c0baa81b687e5b5eecc01beefaf1b19b64151d95ed61647fe7a315c",
    },
  },
  strategy = "autotools",
  uses = { "musl", "linux-headers" },
  configure = {
    "--disable-static",
    "--disable-openssl",
    "--disable-mbedtls",
    "--disable-samples",
    "--disable-libevent-regress",
    "--disable-dependency-tracking",
  },
  install = function(b)
    autotools.install(b)
    -- Needs python, and makes code for a protocol of its own.
    b:remove(b.dest .. b.prefix .. "/bin/event_rpcgen.py")
  end,
}
