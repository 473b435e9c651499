# Another workspace, path, user and number of jobs: the same tarball.
mkdir "$area/other"
(cd "$area/other" && "$bq" "$area/bq/scripts/build_sysroot.lua" --set core --workspace "$area/other/a b" --jobs 1 \
  --mirror "$area/bq/data/sysroot/sources" --output "$area/other/sysroot.tar.gz")
cmp "$area/user/sysroot.tar.gz" "$area/other/sysroot.tar.gz"
rm -rf "$area/other"
