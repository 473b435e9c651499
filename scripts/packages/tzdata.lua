-- The time zones of the world, compiled. A system says its own by `timezone`.
-- stylua: ignore
local regions <const> = {
  "africa", "antarctica", "asia", "australasia", "europe", "northamerica", "southamerica", "etcetera", "factory", "backward",
}

---@type bq.RecipeFile
return {
  name = "tzdata",
  version = "2026c",
  license = "LicenseRef-public-domain",
  homepage = "https://www.iana.org/time-zones",
  source = {
    { url = "https://data.iana.org/time-zones/releases/tzdata{version}.tar.gz", strip = 0 },
    {
      debian = "tzdata_2026c.orig.tar.gz",
      sha256 = "e4a178a4477f3d0ea77cc31828ff72aa38feff8d61aa13e7e99e142e9d902be4",
      strip = 0,
    },
  },
  strategy = "files",
  depends = { "zic" },
  install = function(b)
    local argv = { "zic", "-b", "fat", "-d", b.dest .. "/usr/share/zoneinfo" }
    b:run(table.move(regions, 1, #regions, #argv + 1, argv), { cwd = b.src })
    for _, name in ipairs { "iso3166.tab", "zone.tab", "zone1970.tab", "leap-seconds.list" } do
      b:install(b.src .. "/" .. name, "/usr/share/zoneinfo/" .. name, "0644")
    end
  end,
}
