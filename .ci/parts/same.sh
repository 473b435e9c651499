# Another workspace, path, user and number of jobs, where there is no apt: the same lock, tree of the seed, and tarball.
mkdir -p "$area/other/empty"
unshare --mount --propagation private bash -c '
  mount --bind "$1/empty" /etc/apt
  cd "$1"
  PATH=$1/empty exec "${@:2}"
' without-apt "$area/other" "$bq" "$area/bq/scripts/build_sysroot.lua" --set core --workspace "$area/other/a b" --jobs 1 \
  --mirror "$area/bq/data/sysroot/sources" --mirror "$area/bq/data/sysroot/seed/packages" --output "$area/other/sysroot.tar.gz"
for file in lock.json rootfs/usr/local/share/bq/staged.json; do
  cmp "$area/bq/data/sysroot/$file" "$area/other/a b/$file"
done
cmp "$area/user/sysroot.tar.gz" "$area/other/sysroot.tar.gz"
rm -rf "$area/other"
