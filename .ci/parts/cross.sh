# Another architecture: a cross build up to what has to run there, its commands under an emulator, and a package that is built there.
other=$([ "$(uname -m)" = x86_64 ] && echo aarch64 || echo x86_64)
as_user bash -c "mkdir $area/user/other && cp -r data/sysroot/seed data/sysroot/lock.json $area/user/other/"
as_user "$bq" scripts/build_sysroot.lua --set core --arch "$other" --with m4@sysroot,zlib@sysroot,busybox@sysroot \
  --workspace "$area/user/other" --offline --mirror "$area/bq/data/sysroot/sources"
changed=$(as_user "$bq" scripts/coordinator.lua --workspace "$area/user/other" 2>&1) || fail "$changed"
expect "$changed" "left out: system, since what is built has to run there"
for file in bin/busybox bin/make bin/m4 lib/libz.so.1 lib/libc.so; do
  found=$(compgen -G "$area/user/other/store/*/output/opt/sysroot/$file") || fail "$file was not built for $other"
  kind=$(file --brief --dereference "$found")
  expect "${kind,,}" "${other/_/-}"
done
# Its commands work there, too: in busybox 1.37.0, clang used pointers that are declared constant before they were set, and
# `diff` died.
busybox=$(compgen -G "$area/user/other/store/*/output/opt/sysroot/bin/busybox")
there() { as_user "qemu-$other" "$busybox" "$@" 2>&1; }
printf 'a\nb\n' >"$area/user/one"
printf 'a\nc\n' >"$area/user/two"
expect "$(there diff "$area/user/one" "$area/user/two")" "+c"
expect "$(there sh -c 'n=0; for i in 1 2 3; do n=$((n + i)); done; echo "n is $n"')" "n is 6"
expect "$(there awk '{ n += length($0) } END { print "of " n }' "$area/user/one")" "of 2"
expect "$(there sed -n 's/^b/x/p' "$area/user/one")" "x"
expect "$(there sort -r "$area/user/one")" "b"
expect "$(there find "$area/user" -maxdepth 1 -name one)" "/one"
expect "$(there tar -cf - -C "$area/user" one two | tar -tf -)" "two"
expect "$(there sha256sum "$area/user/one")" "$(sha256sum "$area/user/one")"

# With an emulator that only the build has, a package is built by programs of that architecture.
as_user bash .ci/unpack "$area/user/qemu" trixie qemu-user
as_user "$bq" scripts/build_sysroot.lua --set core --arch "$other" --with= --only zlib \
  --workspace "$area/user/other" --offline --mirror "$area/bq/data/sysroot/sources"
before=$(ls /proc/sys/fs/binfmt_misc)
changed=$(as_user "$bq" scripts/coordinator.lua --workspace "$area/user/other" --emulator "$area/user/qemu/bin/qemu-$other" 2>&1) ||
  fail "$changed"
expect "$changed" "done   system/zlib"
[ "$(ls /proc/sys/fs/binfmt_misc)" = "$before" ] || fail "the machine has another emulator than before"
as_user "$bq" scripts/verify.lua --workspace "$area/user/other" --expected "tests/expected/$other.json"
rm -rf "$area/user/other" "$area/user/one" "$area/user/two"
