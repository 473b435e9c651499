# The README's first command, the coordinator, and what they made: set `core`, to the digests that were recorded.
make_place
as_user cargo run --quiet --release -- scripts/build_sysroot.lua --set core --output "$area/user/sysroot.tar.gz"
as_user cargo run --quiet --release -- scripts/coordinator.lua
bq=$(find "$area/user/target" -path '*/release/bq' -type f | head -n 1)
cp "$bq" "$area/bq-bin"
bq=$area/bq-bin
again=$(as_user "$bq" scripts/coordinator.lua 2>&1) || fail "$again"
expect "$again" "nothing to do"
as_user "$bq" scripts/status.lua
listing=$(as_user "$bq" scripts/enter.lua --rootfs rootfs -- /bin/sh -c 'ls /; ls /usr/lib; cat /etc/os-release')
expect "$listing" "ld-musl-"
expect "$listing" "ID=bq"
compgen -G "$area/bq/data/sysroot/store/*/output/usr/lib/libz.so.1" >/dev/null || fail "zlib has no shared library"
for file in bin/busybox lib/libz.so.1 lib/libc.a; do
  for found in $(compgen -G "$area/bq/data/sysroot/store/*/output/usr/$file"); do
    ! grep -qaE 'clang version|LLD [0-9]' "$found" || fail "$found names the compiler of the seed"
  done
done
grep -q debian <<<"$listing" && fail "something of the seed is in the rootfs: $listing"

as_user "$bq" scripts/verify.lua --expected "tests/expected/$(uname -m).json"
