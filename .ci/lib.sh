# What the parts of `.ci/run` and `.ci/long` share: words, kept tools, the place they work in, and who works there.

say() { printf '\n== %s\n' "$*"; }
fail() { printf 'error: %s\n' "$*" >&2; exit 1; }
expect() { grep -qF -- "$2" <<<"$1" || fail "expected '$2' in: $1"; }

export DEBIAN_FRONTEND=noninteractive
install_packages() { apt-get install -q -y --no-install-recommends "$@" >/dev/null; }

# A folder for what takes long to make and is kept where the machine is kept: `kept NAME VERSION COMMAND...` runs the command
# with the folder as its last word, unless it has been run for this version; `$folder` is the folder. Another run waits meanwhile.
kept() {
  local name=$1 version=$2 all=${XDG_CACHE_HOME:-$HOME/.cache}/bq-ci lock
  folder=$all/$name-$version
  if [ ! -e "$folder/complete" ]; then
    mkdir -p "$all"
    exec {lock}>"$all/.lock"
    flock "$lock"
    if [ ! -e "$folder/complete" ]; then
      rm -rf "$all/$name"-*
      mkdir -p "$folder"
      "${@:3}" "$folder"
      touch "$folder/complete"
    fi
    exec {lock}>&-
  fi
}

# A program of crates.io, compiled quickly instead of well: it runs for a second.
crate() {
  CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
    CARGO_PROFILE_RELEASE_DEBUG=false CARGO_TARGET_DIR="${*: -1}/target" \
    cargo install --quiet --locked "${@:1:$#-1}" --root "${*: -1}"
  rm -rf "${*: -1}/target"
}

# Checks JSON and YAML files with a schema: the words of `check-jsonschema`.
pip_schema() { python3 -m venv "$2" && "$2/bin/pip" install --quiet --disable-pip-version-check "check-jsonschema==$1"; }
check_schema() {
  local folder
  kept check-jsonschema 0.39.0 pip_schema 0.39.0
  "$folder/bin/check-jsonschema" "$@"
}

# Checks bills of materials with the schema of CycloneDX 1.6, which comes in its Python library, as do the two that it refers to.
pip_cyclonedx() {
  python3 -m venv "$2/venv"
  "$2/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps --target "$2/library" "cyclonedx-python-lib==$1"
  cp "$2"/library/cyclonedx/schema/_res/{bom-1.6,spdx,jsf-0.82}.SNAPSHOT.schema.json "$2/"
  rm -rf "$2/venv" "$2/library"
}
check_bill() {
  local folder
  kept cyclonedx 11.12.0 pip_cyclonedx 11.12.0
  local schema=$folder/bom-1.6.SNAPSHOT.schema.json
  # Without its place, the schema's own address would be asked for the others.
  check_schema --schemafile "$schema" --base-uri "file://$schema" "$@"
}

# Cargo for another target: `cargo_for TARGET WORDS...`. The standard library for it is rustup's. If that cannot be had, it is made
# with Debian's compiler for browsers, which is newer than the oldest that bq allows, and comes with the source of one.
rust_of_debian() { .ci/unpack "$1/debian" trixie rustc-web cargo-web rust-web-src; }
cargo_for() {
  local target=$1 folder
  shift
  if rustup target add "$target" >/dev/null 2>&1; then
    cargo "$@" --target "$target"
  else
    kept rust-of-debian trixie rust_of_debian
    PATH="$folder/debian/bin:$PATH" RUSTC="$folder/debian/bin/rustc" RUSTC_BOOTSTRAP=1 \
      cargo "$@" -Zbuild-std=std,panic_unwind --target "$target"
  fi
}

# A bq for another architecture, which takes the place of the one that people build for it: `$other_bq`.
make_other_bq() {
  local target=$1-unknown-linux-gnu triple=$1-linux-gnu folder
  local name=${target//-/_} debian
  debian=$([ "$1" = x86_64 ] && echo amd64 || echo arm64)
  install_packages "gcc-${triple/_/-}" "libc6-dev-$debian-cross"
  kept targets "$(rustc --version | cut -d ' ' -f 2)" true
  env "CC_$name=$triple-gcc" "AR_$name=$triple-ar" "CARGO_TARGET_${name^^}_LINKER=$triple-gcc" \
    CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
    CARGO_TARGET_DIR="$folder/target" bash -c '. .ci/lib.sh && cargo_for "$@"' _ "$target" build --release --quiet --locked --bin bq
  other_bq=$folder/target/$target/release/bq
}

user=bq-ci

# The place: a clone that root owns and everybody can read, as bq takes code only from trees that its user or root owns, and a
# folder of the ordinary user, where cargo works for both, so that nothing is compiled twice.
make_place() {
  [ -z "${area-}" ] || return 0
  umask 022
  id "$user" >/dev/null 2>&1 || useradd --create-home "$user"
  area=$(mktemp -d /var/tmp/bq-ci.XXXXXX)
  trap clean_place EXIT
  chmod 755 "$area"
  git clone --quiet . "$area/bq"
  mkdir -p "$area/bq/data" "$area/rustup" "$area/cargo-bin" "$area/user/cargo" "$area/user/target"
  chown -R "$user" "$area/user" "$area/bq/data"
}

# A port of this machine that nobody uses.
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# Ends a process with all that it has started.
end_tree() {
  local child
  for child in $(ps -o pid= --ppid "$1"); do end_tree "$child"; done
  kill "$1" 2>/dev/null || true
}

# try_engines KEPT "ENGINE..." TEST...: puts engines of `tests/engines` where both users find them, as the ordinary one, unless they
# are kept as KEPT, and runs tests with them.
install_engines() {
  local engine
  for engine in $1; do as_user bash "tests/engines/$engine" "$area/user/engines" install; done
  cp -a "$area/user/engines/." "$2/"
}
try_engines() {
  local folder who said test
  kept "$1" 1 install_engines "$2"
  [ -e "$area/user/engines" ] || cp -a "$folder" "$area/user/engines"
  for who in user root; do
    said=$("as_$who" env BQ_ENGINES="$area/user/engines" cargo test --locked --test pipeline -- --exact "${@:3}" 2>&1) || fail "$said"
    for test in "${@:3}"; do expect "$said" "$test ... ok"; done
    ! grep -F 'skipped: engines' <<<"$said" || fail "an engine was not there"
  done
}

# A store of outputs that is kept: `$outputs`. It is for the steps of set `image`, whose kernels take longer than all else together;
# where the machine is kept, they are compiled when something changes that is in their keys. What set `core` is of is built each time.
take_outputs() {
  local folder
  kept outputs 1 true
  outputs=$area/user/outputs
  [ -e "$outputs" ] || cp -a "$folder" "$outputs"
  chown -R "$user" "$outputs"
}
keep_outputs() {
  local folder
  kept outputs 1 true
  as_user "$bq" scripts/gc.lua --store "$outputs" --older-than 1w --remove
  rm -rf "${folder:?}"/*
  cp -a "$outputs/." "$folder/"
}

clean_place() {
  local status=$? job
  # A part that failed may have left a machine running.
  for job in $(jobs -p); do end_tree "$job"; done
  rm -rf "$area"
  exit "$status"
}

# Runs a program in the clone as somebody, with an environment of its own. The toolchain may lie in root's home: it is bound
# to where the user can read it, in a mount namespace of this run.
as() {
  local home=$area/user path=/usr/local/bin:/usr/bin:/bin
  if [ "$1" = root ]; then
    home=/root path=$path:/usr/local/sbin:/usr/sbin:/sbin
  fi
  unshare --mount --propagation private bash -c '
    set -e
    mount --bind "$1" "$3/rustup"
    if [ -d "$2/bin" ]; then mount --bind "$2/bin" "$3/cargo-bin"; fi
    cd "$3/bq"
    exec setpriv --reuid "$4" --regid "$4" --init-groups env --default-signal=HUP,INT,QUIT -i HOME="$5" USER="$4" LC_ALL=C.UTF-8 TERM=dumb \
      PATH="$3/cargo-bin:$6" RUSTUP_HOME="$3/rustup" CARGO_HOME="$3/user/cargo" \
      CARGO_TARGET_DIR="$3/user/target" SSL_CERT_FILE="${SSL_CERT_FILE-}" http_proxy="${http_proxy-}" \
      https_proxy="${https_proxy-}" no_proxy="${no_proxy-}" "${@:7}"
  ' as "${RUSTUP_HOME:-$HOME/.rustup}" "${CARGO_HOME:-$HOME/.cargo}" "$area" "$1" "$home" "$path" "${@:2}"
}
as_user() { as "$user" "$@"; }
as_root() {
  as root "$@"
  # What cargo wrote is the user's again.
  chown -R "$user" "$area/user"
}
