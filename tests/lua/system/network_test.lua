local check = require "check"
local network = require "bq.system.network"
local process = require "bq.process"
local scratch = require "scratch"
local said = require("said").of

check.run {
  {
    "names of machines",
    function()
      for _, name in ipairs { "a", "host", "host-1", "a.example.org", ("a"):rep(63) } do
        check.equal(said(network.hostname, name), {}, name)
      end
      for _, name in ipairs { "", "-a", "a-", "a b", "a..b", "ä", "a_b", ("a"):rep(64), "a/b", 5 } do
        check.equal(#said(network.hostname, name), 1, tostring(name))
      end
    end,
  },
  {
    "addresses",
    function()
      check.equal(said(network.DNS, { "10.0.0.1", "fd00::1", "::1", "1:2:3:4:5:6:7:8", "fe80::" }), {})
      for _, address in ipairs {
        "10.0.0",
        "10.0.0.256",
        "10.0.0.01",
        "host",
        "::1::",
        ":::",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9",
        "12345::",
        ":1",
        "1:",
      } do
        check.equal(#said(network.DNS, { address }), 1, address)
      end
      local card = { eth0 = { addresses = { "10.0.0.2/24", "fd00::2/64" }, gateway = "10.0.0.1" }, ["*"] = false }
      check.equal(said(network.kind, card), {})
      check.equal(said(network.kind, false), {})
      check.equal(said(network.kind, { eth0 = { addresses = { "10.0.0.2/33", "10.0.0.2" } }, eth1 = "dchp" }), {
        "x.eth0.addresses[1] is `10.0.0.2/33`, which is not an address with its prefix, such as 10.0.0.2/24",
        "x.eth0.addresses[2] is `10.0.0.2`, which is not an address with its prefix, such as 10.0.0.2/24",
        'x.eth1 is `dchp`, expected "dhcp" or false, did you mean `dhcp`?',
      })
    end,
  },
  {
    "the lines that bring it up are those of a shell",
    function()
      local cards = {
        eth0 = { addresses = { "10.0.0.2/24" }, gateway = "10.0.0.1" },
        eth1 = "dhcp",
        eth2 = false,
        ["*"] = "dhcp",
      }
      local lines = network.start_script(cards)
      check.contains(
        lines,
        '    eth0)\n      ip addr add 10.0.0.2/24 dev "$card"\n      ip link set "$card" up\n'
          .. '      ip route add default via 10.0.0.1 dev "$card"\n      ;;\n'
      )
      check.contains(lines, "    eth2)\n      ;;\n    *)\n")
      for _, text in ipairs { lines, network.start_script(false), network.start_script(network.DEFAULT) } do
        scratch.write("lines", text)
        local status = process.run { argv = { "/bin/sh", "-n", "lines" }, stderr = "capture" }
        check.truthy(status.ok, status.stderr)
      end
      check.equal(network.start_script(false), "#!/bin/sh\n")
    end,
  },
  {
    "name servers that are said stay",
    function()
      local files = {}
      network.render({ hostname = "a", dns = { "10.0.0.1" }, network = network.DEFAULT }, files)
      check.equal(files["/etc/resolv.conf"].text, "nameserver 10.0.0.1\n")
      check.equal(files["/etc/udhcpc/own-dns"], { text = "" })
      check.equal(files["/etc/rcS.d/50-network"], nil)
      check.equal(files["/etc/hosts"].text, "127.0.0.1 localhost\n::1 localhost\n127.0.1.1 a\n")
      files = {}
      network.render({ hostname = "a", dns = {}, network = { ["*"] = "dhcp", eth1 = false } }, files)
      check.equal(files["/etc/resolv.conf"], nil)
      check.equal(files["/etc/udhcpc/own-dns"], nil)
      check.contains(files["/etc/rcS.d/50-network"].text, "    eth1)\n      ;;\n    *)\n")
    end,
  },
}
