-- The compiler of time zones, as the C library of GNU has it. tzdata is built with it; musl reads what it writes.
---@type bq.RecipeFile
return {
  name = "zic",
  version = "2.43",
  license = "LicenseRef-public-domain",
  homepage = "https://www.iana.org/time-zones",
  source = {
    { url = "https://ftp.gnu.org/gnu/glibc/glibc-{version}.tar.xz" },
    {
      debian = "glibc_2.43.orig.tar.xz",
      sha256 = "b8f0d50a7d4255658efe1f608cacdc4be82bb3c009875626df5968cc64c58880",
    },
  },
  include = { "timezone" },
  strategy = "files",
  uses = { "musl", "linux-headers" },
  build = function(b)
    local release = b:read(b.src .. "/timezone/version"):match "%S+"
    b:write(
      b.build .. "/version.h",
      ('#define PKGVERSION ""\n#define TZVERSION "%s"\n#define REPORT_BUGS_TO "tz@iana.org"\n'):format(release)
    )
    b:write(b.build .. "/tzdir.h", '#define TZDIR "/usr/share/zoneinfo"\n#define TZDEFAULT "/etc/localtime"\n')
    b:run {
      b.env.CC,
      "-O2",
      "-DHAVE_GETTEXT=0",
      "-I" .. b.build,
      "-I" .. b.src .. "/timezone",
      b.src .. "/timezone/zic.c",
      "-o",
      "zic",
    }
  end,
  install = function(b)
    b:install(b.build .. "/zic", b.prefix .. "/sbin/zic")
  end,
}
