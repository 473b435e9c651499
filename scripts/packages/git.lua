-- Version control; without what needs perl, python, gettext or a TLS library.
return {
  name = "git",
  version = "2.47.3",
  license = "GPL-2.0-only",
  homepage = "https://git-scm.com",
  source = {
    { url = "https://www.kernel.org/pub/software/scm/git/git-{version}.tar.xz" },
    {
      debian = "git_2.47.3.orig.tar.xz",
      sha256 = "9c2eb1250781b3e5bfef098572d07fdf132d67e6c065e4307332ade9819a1501",
    },
  },
  strategy = "make",
  uses = { "musl", "zlib", "pcre2" },
  make = {
    "prefix={prefix}",
    "sysconfdir=/etc",
    "CC=clang",
    "AR=llvm-ar",
    "SHELL_PATH=/bin/sh",
    "CFLAGS=-O2",
    "USE_LIBPCRE2=YesPlease",
    "NO_CURL=YesPlease",
    "NO_EXPAT=YesPlease",
    "NO_GETTEXT=YesPlease",
    "NO_OPENSSL=YesPlease",
    "NO_PERL=YesPlease",
    "NO_PYTHON=YesPlease",
    "NO_TCLTK=YesPlease",
    -- musl's regex knows no REG_STARTEND.
    "NO_REGEX=YesPlease",
    -- Links instead of a hundred copies of one program.
    "INSTALL_SYMLINKS=YesPlease",
    "NO_INSTALL_HARDLINKS=YesPlease",
  },
}
