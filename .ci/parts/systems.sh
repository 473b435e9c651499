# A system from its page: its user comes in by ssh, what it keeps is kept, its service comes back when it is killed; as a container, as one
# EFI program; a change of its name builds nothing.
install_packages openssh-client
as_user cp -r scripts/systems "$area/user/systems"
page=$area/user/systems/appliance.lua
as_user ssh-keygen -q -t ed25519 -N '' -C test -f "$area/user/key"
as_user sed -i "s|ann = { |&keys = { \"$(cat "$area/user/key.pub")\" }, |" "$page"
make_appliance() { as_user "$bq" scripts/make.lua "$page" --output "$1" 2>&1; }
made=$(make_appliance "$area/user/appliance.qcow2") || fail "$made"
made=$(make_appliance "$area/user/again.qcow2") || fail "$made"
expect "$made" "nothing to do"
cmp "$area/user/appliance.qcow2" "$area/user/again.qcow2"

# By ssh, through a port of this machine. The machine runs until it turns itself off.
start_appliance() {
  as_user "$bq" scripts/boot.lua "$1" --keep --emulate --timeout 900 --forward 12022:22 --serial "$area/user/serial" \
    --wait-for 'appliance login: ' --type ann --wait-for 'Password: ' --type bq --wait-for 'ann@appliance:~$' --type 'id -un' \
    --wait-for 'going down' --type '' &
  machine=$!
}
by_ssh() {
  as_user timeout 60 ssh -p 12022 -i "$area/user/key" -o BatchMode=yes -o "StrictHostKeyChecking=$known" \
    -o "UserKnownHostsFile=$area/user/known" ann@127.0.0.1 "$@"
}
as_root_there() { by_ssh "su root -c '$1'" <<<bq; }
wait_for_ssh() {
  local try
  for try in $(seq 60); do
    kill -0 "$machine" 2>/dev/null || fail "the machine ended before it could be reached"
    by_ssh true 2>/dev/null && return
    sleep 5
  done
  fail "it cannot be reached by ssh: $(tail -n 20 "$area/user/serial")"
}
turn_off() {
  as_root_there poweroff || true
  wait "$machine" || fail "it did not turn off cleanly: $(tail -n 20 "$area/user/serial")"
}
known=accept-new
start_appliance "$area/user/appliance.qcow2"
wait_for_ssh
expect "$(by_ssh 'id -un; id -Gn; stat -c %U:%G:%a . /data')" $'ann\nann wheel\nann:ann:700\nroot:root:755'
expect "$(by_ssh 'ip -4 addr show eth0')" 'inet 10.0.2.15'
! by_ssh 'cat /etc/shadow' 2>/dev/null || fail "everybody can read the hashes of passwords"
expect "$(as_root_there 'id -u; sv status /var/service/*')" 'run: /var/service/beat'
# While it waits before it starts again, another process has its place: only `run` tells that it is back.
pid_of_beat() { as_root_there 'sv status beat' | sed -n 's/.*run: beat: (pid \([0-9]*\)).*/\1/p'; }
before=$(pid_of_beat)
[ -n "$before" ] || fail "the service does not run: $(as_root_there 'sv status beat')"
as_root_there "kill -9 $before"
for _ in $(seq 60); do
  after=$(pid_of_beat) || after=
  [[ -n $after && $after != "$before" ]] && break
  sleep 1
done
[[ -n $after && $after != "$before" ]] || fail "the service that was killed did not come back: $before, then $after"
expect "$(as_root_there 'tail -n 1 /var/log/beat/current')" seconds
expect "$(by_ssh 'curl --silent --show-error file:///etc/hostname; curl --version')" 'mbedTLS'
as_root_there 'echo kept >/data/file'
turn_off
check_root() {
  local first last state
  qemu-img convert -O raw "$area/user/appliance.qcow2" "$area/user/appliance.raw"
  read -r first last < <(sgdisk -p "$area/user/appliance.raw" | awk '$1 == 2 { print $2, $3 }')
  dd if="$area/user/appliance.raw" of="$area/user/root.raw" bs=512 skip="$first" count=$((last - first + 1)) conv=sparse status=none
  state=$(dumpe2fs -h "$area/user/root.raw" 2>&1)
  expect "$state" 'clean'
  ! grep -q needs_recovery <<<"$state" || fail "the root was not unmounted: $state"
  e2fsck -fn "$area/user/root.raw" >/dev/null 2>&1 || fail "the root has mistakes"
}
check_root

# Again: the key of the machine is the one that is known, and what was written is there.
known=yes
start_appliance "$area/user/appliance.qcow2"
wait_for_ssh
expect "$(by_ssh 'cat /data/file')" kept
turn_off

# The same page as a container and as one EFI program.
as_user "$bq" scripts/make.lua "$page" --without-partitions --output "$area/user/appliance.oci.tar"
skopeo --insecure-policy copy -q "oci-archive:$area/user/appliance.oci.tar:appliance:latest" "oci:$area/user/appliance-layout:it"
umoci unpack --rootless --image "$area/user/appliance-layout:it" "$area/user/appliance-bundle"
said=$(bwrap --bind "$area/user/appliance-bundle/rootfs" / --dev /dev --proc /proc /bin/sh -c 'grep ^ann: /etc/passwd; curl --version')
expect "$said" "ann:x:1000"
expect "$said" mbedTLS
as_user "$bq" scripts/make.lua "$page" --without-partitions --output "$area/user/appliance.efi"
said=$(as_user "$bq" scripts/boot.lua "$area/user/appliance.efi" --memory 1G --emulate --timeout 900 \
  --wait-for 'appliance login: ' --type root --wait-for 'Password: ' --type bq --run 'sv status dropbear; hostname')
expect "$said" 'run: dropbear'

as_user sed -i 's/name = "appliance"/&, hostname = "other"/' "$page"
made=$(make_appliance "$area/user/other.qcow2") || fail "$made"
expect "$made" "nothing to do"
listing=$(as_user "$bq" scripts/inspect.lua --read /etc/hostname "$area/user/other.qcow2")
expect "$listing" other
