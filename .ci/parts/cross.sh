# Another architecture: set `core` with an emulator that only the build has, to the recorded digests; a disk that boots.
other=$([ "$(uname -m)" = x86_64 ] && echo aarch64 || echo x86_64)
as_user bash -c "mkdir $area/user/other && cp -r data/sysroot/seed data/sysroot/lock.json $area/user/other/"
changed=$(as_user "$bq" scripts/build_sysroot.lua --set core --arch "$other" --workspace "$area/user/other" --offline \
  --mirror "$area/bq/data/sysroot/sources" 2>&1) || fail "$changed"
expect "$changed" "there is no emulator for programs of $other, so what has to run there is not built"
expect "$changed" "caused by: one package of the seed is missing"
changed=$(as_user "$bq" scripts/coordinator.lua --workspace "$area/user/other" 2>&1) || fail "$changed"
expect "$changed" "left out: system, since what is built has to run there"
for file in opt/sysroot/bin/make opt/sysroot/lib/libc.so usr/bin/busybox; do
  found=$(compgen -G "$area/user/other/store/*/output/$file") || fail "$file was not built for $other"
  kind=$(file --brief --dereference "$found")
  expect "${kind,,}" "${other/_/-}"
done

# The emulator is fetched, by a lock. Only what was left out is built.
before=$(ls /proc/sys/fs/binfmt_misc)
changed=$(as_user "$bq" scripts/build_sysroot.lua --set core --arch "$other" --workspace "$area/user/other" \
  --mirror "$area/bq/data/sysroot/sources" 2>&1) || fail "$changed"
expect "$changed" "programs of $other are run by \`qemu-user_"
expect "$(as_user "$bq" scripts/doctor.lua --workspace "$area/user/other" --arch "$other")" "ok      programs of $other are run by"
changed=$(as_user "$bq" scripts/coordinator.lua --workspace "$area/user/other" 2>&1) || fail "$changed"
expect "$changed" "built 4, reused 13"
[ "$(ls /proc/sys/fs/binfmt_misc)" = "$before" ] || fail "the machine has another emulator than before"
as_user "$bq" scripts/verify.lua --workspace "$area/user/other" --expected "tests/expected/$other.json"

# Its commands work there, too: in busybox 1.37.0, clang used pointers that are declared constant before they were set, and
# `diff` died.
there() { as_user "$bq" scripts/enter.lua --workspace "$area/user/other" --rootfs rootfs -- "$@" 2>&1; }
expect "$(there sh -c 'printf "a\nb\n" >one; printf "a\nc\n" >two; diff one two')" "+c"
expect "$(there sh -c 'n=0; for i in 1 2 3; do n=$((n + i)); done; echo "n is $n on $(uname -m)"')" "n is 6 on $other"
expect "$(there sh -c 'printf "a\nbc\n" | awk "{ n += length(\$0) } END { print \"of \" n }"')" "of 3"
expect "$(there sh -c 'printf "a\nb\n" | sed -n s/^b/x/p')" "x"
expect "$(there find /usr/bin -maxdepth 1 -name busybox)" "/busybox"
expect "$(there sh -c 'tar -cf - /etc/passwd 2>/dev/null | tar -tf -')" "etc/passwd"
expect "$(there sh -c 'echo one | sha256sum')" "$(echo one | sha256sum)"

# A disk for such a machine, with a bq of its own, and its console.
make_other_bq "$other"
cp "$other_bq" "$area/other-bq"
as_user "$bq" scripts/build_sysroot.lua --set image --arch "$other" --workspace "$area/user/other" --mirror "$area/bq/data/sysroot/sources"
take_outputs
as_user "$bq" scripts/coordinator.lua --workspace "$area/user/other" --store "$outputs"
keep_outputs
as_user "$bq" scripts/build_qcow2.lua --workspace "$area/user/other" --bq "$area/other-bq" --output "$area/user/other.qcow2"
as_user "$bq" scripts/boot.lua "$area/user/other.qcow2" --emulate --timeout 900 --serial "$area/user/serial" \
  --wait-for 'bq:~#' --type "bq -e 'print(1+1)'" --wait-for $'\n2\r' --type 'echo on $(uname -m)' --wait-for "on $other" --type poweroff

# A container for both.
for each in "other --workspace $area/user/other --bq $area/other-bq" own; do
  # shellcheck disable=SC2086
  as_user "$bq" scripts/build_qcow2.lua --output "$area/user/${each%% *}.oci" --name bq ${each#"${each%% *}"}
done
as_user "$bq" scripts/oci_index.lua "$area/user/own.oci" "$area/user/other.oci" --output "$area/user/both.oci"
for arch in amd64 arm64; do
  skopeo --insecure-policy --override-arch "$arch" copy -q "oci-archive:$area/user/both.oci:bq:latest" "oci:$area/user/layout-$arch:bq"
  expect "$(skopeo --override-arch "$arch" inspect "oci:$area/user/layout-$arch:bq")" "\"Architecture\": \"$arch\""
done
rm -rf "$area/user/other" "$area/user"/{other.qcow2,own.oci,other.oci,both.oci,layout-*}
