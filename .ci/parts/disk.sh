# A disk that boots by EFI: the same bytes twice, clean to all checkers, and it answers on its serial console.
as_user "$bq" scripts/build_sysroot.lua --set image
as_user "$bq" scripts/coordinator.lua
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
