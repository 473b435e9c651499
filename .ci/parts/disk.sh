# A disk that boots by EFI: the same bytes twice, clean to all checkers, and it answers on its serial console.
as_user "$bq" scripts/build_sysroot.lua --set image
take_outputs
as_user "$bq" scripts/coordinator.lua --store "$outputs"
keep_outputs
as_user "$bq" scripts/build_qcow2.lua --output "$area/user/disk.qcow2"
as_user "$bq" scripts/build_qcow2.lua --output "$area/user/again.qcow2" --jobs 1
cmp "$area/user/disk.qcow2" "$area/user/again.qcow2"
qemu-img check -q "$area/user/disk.qcow2"
qemu-img convert -O raw "$area/user/disk.qcow2" "$area/user/disk.raw"
expect "$(sgdisk -v "$area/user/disk.raw")" "No problems found"
check_partitions() {
  local number first last checked
  while read -r number first last _; do
    dd if="$area/user/disk.raw" of="$area/user/partition$number" bs=512 skip="$first" count=$((last - first + 1)) conv=sparse status=none
  done < <(sgdisk -p "$area/user/disk.raw" | awk '$1 ~ /^[12]$/')
  fsck.fat -n "$area/user/partition1"
  checked=$(e2fsck -fn "$area/user/partition2" 2>&1) || fail "e2fsck: $checked"
  ! grep -qE 'IGNORED|Fix\?' <<<"$checked" || fail "e2fsck: $checked"
}
check_partitions
listing=$(as_user "$bq" scripts/inspect.lua "$area/user/disk.qcow2")
expect "$listing" "busybox"
as_user "$bq" scripts/boot.lua "$area/user/disk.qcow2" --emulate --timeout 900 --serial "$area/user/serial" \
  --wait-for 'bq:~#' --type "bq -e 'print(1+1)'" --wait-for $'\n2\r' \
  --type 'unshare -U -r id -u' --wait-for $'\n0\r' --type poweroff

# What a tree in a user's hands cannot hold: from a tarball onto the disk, as debugfs and bq read it.
as_user "$bq" -e '
  local state, union, workspace = require "bq.run.state", require "bq.stage.union", require "bq.workspace"
  local space = workspace.new "data/sysroot"
  local build, parts = state.look(space, space:plan()), {}
  for index, id in ipairs(build:phase_steps "rootfs") do parts[index] = union.part(build, build.by_id[id]) end
  local made = union.of(parts)
  made.attributes["etc/shells"] = { capabilities = "0100000200200000000000000000000000000000" }
  made.attributes["etc/hostname"] = { uid = 70000, gid = 8, mode = tonumber("4751", 8) }
  require("bq.archive").pack { output = arg[1], sources = made.sources, attributes = made.attributes }
' "$area/user/owned.tar.gz"
rm "$area/user/disk.raw"
as_user "$bq" scripts/build_qcow2.lua --rootfs "$area/user/owned.tar.gz" --format raw --output "$area/user/disk.raw"
check_partitions
ask() { debugfs -R "$1" "$area/user/partition2" 2>/dev/null; }
expect "$(ask 'ea_get -x /etc/shells security.capability')" '01 00 00 02 00 20 00 00'
expect "$(ask 'stat /etc/hostname')" 'Mode:  04751'
expect "$(ask 'stat /etc/hostname')" 'User: 70000   Group:     8'
listing=$(as_user "$bq" scripts/inspect.lua --files "$area/user/disk.raw")
expect "$listing" 'capabilities=0100000200200000000000000000000000000000 /etc/shells'
expect "$listing" '-4751 70000:8'

# The same root in the other formats: the same bytes twice, as the tools of others see them.
for format in efi initramfs oci tar.zst; do
  as_user "$bq" scripts/build_qcow2.lua --format "$format" --output "$area/user/image.$format"
  as_user "$bq" scripts/build_qcow2.lua --format "$format" --output "$area/user/again" --jobs 1
  cmp "$area/user/image.$format" "$area/user/again"
done
listing=$(zstd -q -d -c "$area/user/image.initramfs" | cpio --quiet -tv)
expect "$listing" 'init -> sbin/init'
listing=$(bsdtar -tf "$area/user/image.tar.zst")
expect "$listing" 'usr/bin/busybox'
expect "$(sbverify --list "$area/user/image.efi" 2>&1)" 'No signature table present'
expect "$(objdump -h "$area/user/image.efi")" '.initrd'
expect "$(skopeo inspect "oci-archive:$area/user/image.oci:bq:latest")" 'bq.manifest.sha256'
skopeo --insecure-policy copy -q "oci-archive:$area/user/image.oci:bq:latest" "oci:$area/user/layout:bq"
umoci unpack --rootless --image "$area/user/layout:bq" "$area/user/bundle"
said=$(bwrap --bind "$area/user/bundle/rootfs" / --dev /dev --proc /proc /bin/sh -c 'id -u; bq -e "print(6 * 7)"')
expect "$said" 42

# Those that boot, booted. The status of a command is that of `boot`.
boot() { as_user "$bq" scripts/boot.lua --emulate --timeout 900 "$@"; }
as_user cp "$area/user/image.efi" "$area/user/system.efi"
as_user cp "$area/user/image.initramfs" "$area/user/root.cpio.zst"
for image in system.efi root.cpio.zst; do
  said=$(boot "$area/user/$image" --memory 1G --run 'stat -c "%a %u" /' --run 'ls /init && uname -s')
  expect "$said" '755 0'
  expect "$said" Linux
done

# Partitions with files, swap, a command line of its own, and a disk that became larger while the machine was off.
cat >"$area/user/page.lua" <<'PAGE'
return {
  disk = { size = "700M", swap = "16M", grow = true, partitions = {
    { mount = "/srv", size = "rest" }, { mount = "/var/card", name = "CARD", size = "40M", filesystem = "fat32" },
  } },
  command_line = "bq.test=1",
}
PAGE
as_user "$bq" scripts/build_qcow2.lua --spec "$area/user/page.lua" --output "$area/user/parts.raw"
expect "$(sgdisk -v "$area/user/parts.raw")" "No problems found"
as_user truncate -s 2G "$area/user/parts.raw"
said=$(boot "$area/user/parts.raw" --keep --network user --forward 12222:22 --run 'cat /proc/cmdline /proc/swaps; df -m /srv /var/card' \
  --run 'echo kept >/srv/file && sync')
expect "$said" bq.test=1
expect "$said" partition
expect "$said" /var/card
[ "$(awk '$6 == "/srv" { print ($2 > 1000) }' <<<"$said")" = 1 ] || fail "the partition did not grow: $said"
expect "$(sgdisk -v "$area/user/parts.raw")" "No problems found"
status=0
said=$(boot "$area/user/parts.raw" --run 'cat /srv/file' --run 'exit 7' --run 'echo not this') || status=$?
expect "$said" kept
[ "$status" = 7 ] || fail "the status of a command is lost: $status"
! grep -q 'not this' <<<"$said" || fail "a command was run after one that failed"
