local apt = require "bq.source.apt"
local check = require "check"
local fs = require "bq.fs"
local scratch = require "scratch"

check.run {
  {
    "Debian's mirrors in both kinds of files, in their order",
    function()
      scratch.write(
        "apt/sources.list",
        table.concat({
          "# deb http://comment/debian trixie main",
          "deb http://one/debian/ trixie main contrib",
          "deb-src http://source/debian trixie main",
          "deb [arch=amd64 signed-by=/x.gpg] https://two/debian bookworm-updates main",
          "deb http://security/debian-security trixie-security main",
          "deb http://three.security.example/debian trixie main",
          "deb http://other/vendor jammy main",
          "",
        }, "\n")
      )
      scratch.write(
        "apt/sources.list.d/b.sources",
        table.concat({
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
        }, "\n")
      )
      scratch.write("apt/sources.list.d/a.list", "deb http://six/debian sid main\n")
      scratch.write("apt/sources.list.d/c.disabled", "deb http://seven/debian sid main\n")
      check.equal(apt.mirrors "apt", {
        "http://one/debian",
        "https://two/debian",
        "http://six/debian",
        "http://four/debian",
        "http://five/debian",
      })
    end,
  },
  {
    "a stanza that is switched off counts as none",
    function()
      scratch.write("off/sources.list.d/x.sources", "Enabled: no\nTypes: deb\nURIs: http://a/debian\nSuites: trixie\n")
      check.equal(apt.mirrors "off", {})
      scratch.write(
        "on/sources.list.d/x.sources",
        "Enabled: yes\nTypes: deb\nURIs:\n http://a/debian\n http://b/debian\nSuites: stable\n"
      )
      check.equal(apt.mirrors "on", { "http://a/debian", "http://b/debian" })
    end,
  },
  {
    "entries that are no mirror of whole releases",
    function()
      scratch.write(
        "odd/sources.list",
        table.concat({
          "deb cdrom:[Debian GNU/Linux 13 _Trixie_ - Official amd64 NETINST]/ trixie main",
          "deb [ arch=amd64 ] http://security.debian.example/debian-security bookworm-security main",
          "deb [trusted=yes]\thttp://one/debian\ttrixie/updates\tmain # the office's",
          "  deb http://one/debian/ trixie-updates main",
          "deb http://archive.ubuntu.example/ubuntu noble main universe",
          "deb http://ports.ubuntu.example/ubuntu-ports jammy-updates main",
          "deb http://ppa.example/ubuntu ./",
          "# deb http://off/debian trixie main",
          "deb",
        }, "\n")
      )
      scratch.write(
        "odd/sources.list.d/a.sources",
        table.concat({
          "# Modernised",
          "Types: deb",
          "# URIs: http://commented/debian",
          "URIs: http://two/debian/",
          "Suites: bookworm",
          "Components: main",
          "",
          "Types: deb-src",
          "URIs: http://sources-only/debian",
          "Suites: bookworm",
          "",
          "Types: deb",
          "URIs: http://three/debian-security",
          "Suites: bookworm-security",
          "",
          "types: deb deb-src\r",
          "uris: http://archive.ubuntu.example/ubuntu\r",
          "suites: noble noble-updates\r",
        }, "\n")
      )
      check.equal(apt.mirrors "odd", { "http://one/debian", "http://two/debian" })
    end,
  },
  {
    "a list of mirrors in a file",
    function()
      scratch.write("listed/mirrors", "# ours\nhttp://near/debian/\tpriority:1\n\nhttp://far/debian priority:2\n")
      scratch.write(
        "listed/sources.list.d/x.sources",
        ("Types: deb\nURIs: mirror+file://%s/listed/mirrors\nSuites: trixie\n"):format(fs.cwd())
      )
      scratch.write("listed/sources.list", "deb mirror+file:/none/mirrors trixie main\n")
      check.equal(apt.mirrors "listed", { "http://near/debian", "http://far/debian" })
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
}
