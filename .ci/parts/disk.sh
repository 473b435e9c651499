# A disk that boots by EFI: the same bytes twice, clean to all checkers, and it answers on its serial console.
as_user "$bq" scripts/build_sysroot.lua --set image
as_user "$bq" scripts/coordinator.lua
as_user "$bq" scripts/build_qcow2.lua --output "$area/user/disk.qcow2"
as_user "$bq" scripts/build_qcow2.lua --output "$area/user/again.qcow2" --jobs 1
cmp "$area/user/disk.qcow2" "$area/user/again.qcow2"
qemu-img check -q "$area/user/disk.qcow2"
qemu-img convert -O raw "$area/user/disk.qcow2" "$area/user/disk.raw"
expect "$(sgdisk -v "$area/user/disk.raw")" "No problems found"
while read -r number first last _; do
  dd if="$area/user/disk.raw" of="$area/user/partition$number" bs=512 skip="$first" count=$((last - first + 1)) conv=sparse status=none
done < <(sgdisk -p "$area/user/disk.raw" | awk '$1 ~ /^[12]$/')
fsck.fat -n "$area/user/partition1"
checked=$(e2fsck -fn "$area/user/partition2" 2>&1) || fail "e2fsck: $checked"
! grep -qE 'IGNORED|Fix\?' <<<"$checked" || fail "e2fsck: $checked"
listing=$(as_user "$bq" scripts/inspect.lua "$area/user/disk.qcow2")
expect "$listing" "busybox"
as_user "$bq" scripts/boot.lua "$area/user/disk.qcow2" --emulate --timeout 900 --serial "$area/user/serial" \
  --wait-for 'bq:~#' --type "bq -e 'print(1+1)'" --wait-for $'\n2\r' \
  --type 'unshare -U -r id -u' --wait-for $'\n0\r' --type poweroff
