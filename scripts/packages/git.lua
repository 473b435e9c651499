-- Version control, without the parts that need perl, python, gettext or a TLS library.
local make = require "bq.strategy.make"

-- Each of these commands only prints that git was built without perl or python.
-- stylua: ignore
local hollow <const> = {
  "bin/git-cvsserver", "libexec/git-core/git-archimport", "libexec/git-core/git-cvsexportcommit",
  "libexec/git-core/git-cvsimport", "libexec/git-core/git-cvsserver", "libexec/git-core/git-instaweb",
  "libexec/git-core/git-p4", "libexec/git-core/git-send-email", "libexec/git-core/git-svn",
  -- This one is written in perl.
  "share/git-core/templates/hooks/fsmonitor-watchman.sample",
}

---@type bq.RecipeFile
return {
  name = "git",
  version = "2.55.0",
  license = "GPL-2.0-only AND LGPL-2.1-or-later AND BSD-3-Clause AND MIT",
  homepage = "https://git-scm.com",
  source = {
    {
      url = "https://www.kernel.org/pub/software/scm/git/git-{version}.tar.xz",
      sha256 = "457fdb04dc8728e007d4688695e6912e6f680727920f2a40bf11eacc17505357",
      pinned = "2.55.0",
    },
    {
      debian = "git_2.55.0.orig.tar.xz",
      sha256 = "457fdb04dc8728e007d4688695e6912e6f680727920f2a40bf11eacc17505357",
    },
  },
  strategy = "make",
  uses = { "musl", "zlib", "pcre2" },
  make = {
    "prefix={prefix}",
    "sysconfdir=/etc",
    "CC={cc}",
    "AR=llvm-ar",
    "SHELL_PATH=/bin/sh",
    -- It asks `uname` about the machine that builds, and `git version --build-options` prints the answer.
    "uname_M={arch}",
    "uname_R=",
    "CFLAGS=-O2",
    "USE_LIBPCRE2=YesPlease",
    "NO_CURL=YesPlease",
    "NO_EXPAT=YesPlease",
    "NO_GETTEXT=YesPlease",
    "NO_OPENSSL=YesPlease",
    "NO_PERL=YesPlease",
    "NO_PYTHON=YesPlease",
    "NO_RUST=YesPlease",
    "NO_TCLTK=YesPlease",
    -- musl's regex knows no REG_STARTEND.
    "NO_REGEX=YesPlease",
    -- Its iconv writes UTF-16 without a byte order mark.
    "ICONV_OMITS_BOM=YesPlease",
    -- Links instead of a hundred copies of one program.
    "INSTALL_SYMLINKS=YesPlease",
    "NO_INSTALL_HARDLINKS=YesPlease",
    -- Do not install `git-add` for `git add`, and so on.
    "SKIP_DASHED_BUILT_INS=YesPlease",
  },
  install = function(b)
    make.install(b)
    for _, path in ipairs(hollow) do
      b:remove(b.dest .. b.prefix .. "/" .. path)
    end
  end,
}
