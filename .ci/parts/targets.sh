# The other architecture and the other C library: bq is type-checked for aarch64-unknown-linux-musl.
kept targets "$(rustc --version | cut -d ' ' -f 2)" true
# Only Rust is checked: C sources of crates are compiled by nothing, and archived by nothing.
CARGO_TARGET_DIR="$folder/target" CC_aarch64_unknown_linux_musl=true AR_aarch64_unknown_linux_musl=true \
  cargo_for aarch64-unknown-linux-musl \
  --config 'profile.dev.package."*".opt-level=0' --config profile.dev.debug=false check --quiet --locked --bin bq
