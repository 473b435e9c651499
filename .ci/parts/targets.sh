# The other architecture and the other C library: bq is type-checked for aarch64-unknown-linux-musl.
target=aarch64-unknown-linux-musl
check_target() {
  # Only Rust is checked: C sources of crates are compiled by nothing, and archived by nothing.
  CARGO_TARGET_DIR="$folder/target" CC_aarch64_unknown_linux_musl=true AR_aarch64_unknown_linux_musl=true \
    cargo --config 'profile.dev.package."*".opt-level=0' --config profile.dev.debug=false check --quiet --locked --bin bq \
    --target "$target" "$@"
}
if rustup target add "$target" >/dev/null 2>&1; then
  kept targets "$(rustc --version | cut -d ' ' -f 2)" true
  check_target
else
  # There is no standard library for it. Debian's compiler for browsers is newer than the oldest that bq allows, and comes with
  # the source of one.
  rust_of_debian() { .ci/unpack "$1/debian" trixie rustc-web cargo-web rust-web-src; }
  kept targets trixie rust_of_debian
  (
    export PATH="$folder/debian/bin:$PATH" RUSTC="$folder/debian/bin/rustc" RUSTC_BOOTSTRAP=1
    check_target -Zbuild-std=std,panic_unwind
  )
fi
