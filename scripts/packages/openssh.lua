-- The usual server and client of SSH. The keys of a machine are made when the server first starts, and stay in /etc/ssh.
---@type bq.RecipeFile
return {
  name = "openssh",
  version = "10.3p1",
  license = "BSD-2-Clause AND BSD-3-Clause AND ISC AND MIT",
  homepage = "https://www.openssh.com",
  source = {
    { url = "https://cdn.openbsd.org/pub/OpenBSD/OpenSSH/portable/openssh-{version}.tar.gz" },
    {
      debian = "openssh_10.3p1.orig.tar.gz",
      sha256 = "56682a36bb92dcf4b4f016fd8ec8e74059b79a8de25c15d670d731e7d18e45f4",
    },
  },
  strategy = "autotools",
  depends = { "zlib" },
  uses = { "musl", "linux-headers" },
  configure = {
    -- Without a library of cryptography: keys are of ed25519, which is what `ssh-keygen` makes; no RSA, no ECDSA.
    "--without-openssl",
    "--sysconfdir=/etc/ssh",
    "--libexecdir={prefix}/lib/ssh",
    "--with-privsep-user=sshd",
    "--with-privsep-path=/var/empty",
    "--with-pid-dir=/run",
    "--with-default-path=/usr/local/bin:/usr/bin:/usr/sbin",
    "--without-zlib-version-check",
    "--disable-strip",
    "--disable-lastlog",
    "--disable-utmp",
    "--disable-utmpx",
    "--disable-wtmp",
    "--disable-wtmpx",
  },
  -- Its own target would make keys of this machine.
  install_targets = { "install-nokeys" },
  -- Who the server is before a login.
  users = { sshd = { uid = 74, home = false } },
  services = {
    sshd = { run = { "/bin/sh", "-c", "/usr/bin/ssh-keygen -A && exec /usr/sbin/sshd -D -e" } },
  },
}
