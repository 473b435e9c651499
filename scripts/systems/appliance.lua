-- A small machine that does one thing: a user who comes in by ssh with a key, a service that is watched, a partition for its data.
-- The password of root and of `ann` is `bq`: everybody knows it, so say your own, as `openssl passwd -6` prints it, and your key, as
-- `ssh-keygen -t ed25519` makes it: `keys = { "ssh-ed25519 … you@home" }`.
local password <const> =
  "$6$bqbqbqbqbqbqbqbq$vxgCilx7Z9vdJVWr45e5fU0gkkQMwvUffNQRiyealJytE58abmLtb8gbA4CdiyZ8GL5QShqkYJnRjtocKRYpB."

---@type bq.SystemPage
return {
  name = "appliance",
  packages = { "dropbear", "curl", "e2fsprogs" },
  motd = "An appliance. `sv status /var/service/*` shows what runs.",
  users = {
    root = { password = password },
    ann = { uid = 1000, groups = { "wheel" }, password = password },
    -- Who runs the service: nobody logs in as it.
    beat = { uid = 500, home = false, shell = "/bin/false" },
  },
  files = "appliance",
  services = {
    dropbear = true,
    beat = { run = { "/usr/bin/beat" }, user = "beat", environment = { LANG = "C" } },
  },
  sysctl = { ["kernel.panic"] = 10 },
  disk = { size = "1G", label = "appliance", partitions = { { mount = "/data", size = "256M" } } },
}
