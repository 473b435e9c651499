-- The language that autoconf, automake and many build systems are written in.
local make = require "bq.strategy.make"

---@type bq.RecipeFile
return {
  name = "perl",
  version = "5.40.1",
  license = "Artistic-1.0-Perl OR GPL-1.0-or-later",
  homepage = "https://www.perl.org",
  source = {
    { url = "https://www.cpan.org/src/5.0/perl-{version}.tar.xz" },
    { debian = "perl_5.40.1.orig.tar.xz", sha256 = "dfa20c2eef2b4af133525610bbb65dd13777ecf998c9c5b1ccf0d308e732ee3f" },
  },
  strategy = "make",
  uses = { "musl" },
  configure = function(b)
    b:run({
      "sh",
      "./Configure",
      "-des",
      "-Dprefix=" .. b.prefix,
      "-Dvendorprefix=" .. b.prefix,
      "-Dprivlib=" .. b.prefix .. "/share/perl5",
      "-Darchlib=" .. b.prefix .. "/lib/perl5",
      "-Dsitelib=/usr/local/share/perl5",
      "-Dsitearch=/usr/local/lib/perl5",
      "-Dvendorlib=" .. b.prefix .. "/share/perl5/vendor_perl",
      "-Dvendorarch=" .. b.prefix .. "/lib/perl5/vendor_perl",
      "-Dman1dir=none",
      "-Dman3dir=none",
      "-Darchname=" .. b.arch .. "-linux",
      "-Dcc=" .. b.env.CC,
      "-Dld=" .. b.env.CC,
      "-Dar=" .. b.env.AR,
      "-Dnm=" .. b.env.NM,
      "-Dranlib=" .. b.env.RANLIB,
      "-Doptimize=-O2",
      "-Accflags=-D_GNU_SOURCE",
      -- Where Configure looks for headers and libraries if it is not told.
      "-Dusrinc=" .. b.prefix .. "/include",
      "-Dlibpth=" .. b.prefix .. "/lib",
      "-Dlocincpth= ",
      "-Dloclibpth= ",
      "-Dusethreads",
      "-Duseshrplib=false",
      "-Di_db=undef",
      "-Di_gdbm=undef",
      "-Di_ndbm=undef",
      "-Di_dbm=undef",
      -- What it would ask the machine that builds.
      "-Dmyhostname=localhost",
      "-Dmydomain=.localdomain",
      "-Dperladmin=root@localhost",
      "-Dcf_by=bq",
      "-Dcf_email=root@localhost",
      "-Dosname=linux",
      "-Dosvers=6",
      "-Dmyuname=linux",
      "-Dcf_time=Wed Jan  1 00:00:00 UTC 2025", -- `perl -V` shows it
    }, { cwd = b.src })
  end,
  install = function(b)
    make.install(b)
    -- They write mails about bugs, and name the day on which they were made.
    for _, name in ipairs { "perlbug", "perlthanks" } do
      b:remove(b.dest .. b.prefix .. "/bin/" .. name)
    end
    -- Configure writes down where the compiler of the build and its libraries are. Programs find both by their names.
    local folder = b.sysroot:gsub("%p", "%%%0") .. "/"
    for _, name in ipairs { "Config.pm", "Config_heavy.pl" } do
      local path = b.dest .. b.prefix .. "/lib/perl5/" .. name
      b:chmod(path, "0644")
      b:write(path, (b:read(path):gsub(folder .. "bin/", ""):gsub(" ?" .. folder .. "[^ ']*", "")))
    end
  end,
}
