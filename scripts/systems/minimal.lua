-- The least that boots: busybox, a shell of root on the console, an address by DHCP.
---@type bq.SystemPage
return {
  name = "minimal",
  packages = {},
  console = "shell",
}
