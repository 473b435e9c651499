# Another architecture: a cross build up to what has to run there.
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
rm -rf "$area/user/other"
