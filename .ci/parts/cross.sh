# Another architecture: set `core` by an ordinary user, with an emulator that only the build has: the recorded digests. Without one, what has to
# run there is left out, and the rest is built.
other=$([ "$(uname -m)" = x86_64 ] && echo aarch64 || echo x86_64)
as_user bash -c "mkdir $area/user/other && cp -r data/sysroot/seed data/sysroot/lock.json $area/user/other/"
changed=$(as_user "$bq" scripts/build_sysroot.lua --set core --arch "$other" --workspace "$area/user/other" --offline \
  --mirror "$area/bq/data/sysroot/sources" 2>&1) || fail "$changed"
expect "$changed" "there is no emulator for programs of $other: one package of the seed is missing"
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
rm -rf "$area/user/other"
