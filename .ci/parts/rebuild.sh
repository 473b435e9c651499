# The tarball, unpacked elsewhere, entered by chroot, with no network: rebuilds itself to the same digests.
mkdir "$area/root"
tar -xzf "$area/user/sysroot.tar.gz" -C "$area/root"
unshare --net chroot "$area/root" bq coordinator.lua --jobs 3
"$bq" scripts/verify.lua --workspace "$area/bq/data/sysroot" --against "$area/root/var/lib/bq"
"$bq" scripts/verify.lua --workspace "$area/root/var/lib/bq" --store
