# Debian packages that the tests and the disk need, and the parts of the Rust toolchain.
apt-get update -q >/dev/null
install_packages git gcc g++ cmake libc6-dev ca-certificates debian-archive-keyring gpgv openssl xz-utils zstd bzip2 file gdisk dosfstools mtools \
  e2fsprogs xfsprogs btrfs-progs iproute2 patch python3-venv \
  cpio libarchive-tools skopeo umoci bubblewrap binutils sbsigntool squashfs-tools zip zsh fish
# The WASM build of StyLua needs Node.js; some machines have one that is newer than Debian's.
command -v npm >/dev/null || install_packages nodejs npm
# QEMU and its tools have to be of one release, and an image may come with newer tools.
release=$(. /etc/os-release && echo "$VERSION_CODENAME")
install_packages --allow-downgrades "qemu-utils/$release" "qemu-system-x86/$release" "qemu-system-arm/$release" "qemu-system-common/$release" \
  "qemu-system-data/$release" "qemu-user/$release" ovmf seabios qemu-efi-aarch64
rustup component add rustfmt clippy >/dev/null 2>&1 || true
cargo clippy --version
cargo fmt --version
