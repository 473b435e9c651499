local apt = require "bq.apt"
local check = require "check"
local scratch = require "scratch"

check.run {
  {
    "Debian's mirrors in both kinds of files, in their order",
    function()
      scratch.write("apt/sources.list", table.concat({
        "# deb http://comment/debian trixie main",
        "deb http://one/debian/ trixie main contrib",
        "deb-src http://source/debian trixie main",
        "deb [arch=amd64 signed-by=/x.gpg] https://two/debian bookworm-updates main",
        "deb http://security/debian-security trixie-security main",
        "deb http://three.security.example/debian trixie main",
        "deb http://other/vendor jammy main",
        "",
      }, "\n"))
      scratch.write("apt/sources.list.d/b.sources", table.concat({
        "# a comment",
        "Types: deb deb-src",
        "URIs: http://four/debian http://five/debian/",
        "Suites: trixie trixie-updates",
        "Components: main",
        "Signed-By: /usr/share/keyrings/debian.gpg",
        "",
        "Types: deb",
        "URIs: http://vendor/",
        "Suites: noble",
        "",
      }, "\n"))
      scratch.write("apt/sources.list.d/a.list", "deb http://six/debian sid main\n")
      scratch.write("apt/sources.list.d/c.disabled", "deb http://seven/debian sid main\n")
      check.equal(apt.mirrors "apt", {
        "http://one/debian", "https://two/debian", "http://six/debian", "http://four/debian", "http://five/debian",
      })
    end,
  },
  {
    "a stanza that is switched off counts as none",
    function()
      scratch.write("off/sources.list.d/x.sources", "Enabled: no\nTypes: deb\nURIs: http://a/debian\nSuites: trixie\n")
      check.equal(apt.mirrors "off", {})
      scratch.write("on/sources.list.d/x.sources", "Enabled: yes\nTypes: deb\nURIs:\n http://a/debian\n http://b/debian\nSuites: stable\n")
      check.equal(apt.mirrors "on", { "http://a/debian", "http://b/debian" })
    end,
  },
  {
    "none of the files is there",
    function()
      check.equal(apt.mirrors "none", {})
    end,
  },
  {
    "what apt complains of",
    function()
      check.equal(apt.complaint "Get:1 x\nErr:2 http://a 404 Not Found\nE: Failed\n", "http://a 404 Not Found; Failed")
      check.equal(apt.complaint "one\ntwo\n", "two")
      check.equal(apt.complaint "", "no reason given")
    end,
  },
  {
    "where a file is in the pool",
    function()
      check.equal(apt.pool_uri("http://m/debian", "zlib", "z.tar"), "http://m/debian/pool/main/z/zlib/z.tar")
      check.equal(apt.pool_uri("http://m/debian", "libxml2", "l.tar"), "http://m/debian/pool/main/libx/libxml2/l.tar")
      check.equal(apt.pool_uri("http://m/debian", "lib", "l.tar"), "http://m/debian/pool/main/l/lib/l.tar")
    end,
  },
}
