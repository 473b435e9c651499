local apt = require "bq.source.apt"
local check = require "check"
local debian_archive = require "bq.source.debian_archive"

check.run {
  {
    "where a file is in the pool",
    function()
      check.equal(debian_archive.pool { debian = "zlib_1.orig.tar.gz" }, "pool/main/z/zlib/zlib_1.orig.tar.gz")
      check.equal(debian_archive.pool { debian = "libxml2_2.tar.xz" }, "pool/main/libx/libxml2/libxml2_2.tar.xz")
      check.equal(debian_archive.pool { debian = "lib_2.tar.xz" }, "pool/main/l/lib/lib_2.tar.xz")
      check.equal(
        debian_archive.pool { debian = "make-dfsg_4.tar.gz", package = "make" },
        "pool/main/m/make/make-dfsg_4.tar.gz"
      )
    end,
  },
  {
    "a plus is written as the archive's index writes it",
    function()
      check.equal(
        debian_archive.url("http://m/debian", "pool/main/c/c++/c++_1.deb"),
        "http://m/debian/pool/main/c/c%2B%2B/c%2B%2B_1.deb"
      )
    end,
  },
  {
    "what no point release has yet is in the archive of security updates",
    function()
      local mirrors = debian_archive.mirrors
      debian_archive.mirrors = function()
        return { "http://near/debian", "http://odd/mirror" }
      end
      local found = debian_archive.urls { debian = "linux_6.orig.tar.xz" }
      debian_archive.mirrors = mirrors
      check.equal(found, {
        "http://near/debian/pool/main/l/linux/linux_6.orig.tar.xz",
        "http://odd/mirror/pool/main/l/linux/linux_6.orig.tar.xz",
        "http://near/debian-security/pool/updates/main/l/linux/linux_6.orig.tar.xz",
      })
    end,
  },
  {
    "the machine's mirrors come first, and only those that bq can fetch from",
    function()
      local mirrors = apt.mirrors
      apt.mirrors = function()
        return { "http://near/debian", "cdrom:debian", "file:/srv/debian" }
      end
      local found = debian_archive.mirrors()
      apt.mirrors = mirrors
      check.equal({ #found, found[1] }, { 2, "http://near/debian" })
      check.contains(found[2], "https://deb.debian.org/")
    end,
  },
}
