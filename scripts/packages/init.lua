-- The configuration of busybox's init on a booted machine: mounts, the network, a shell on the console, a clean
-- shutdown. A system adds programs in /etc/rcS.d, which start when the machine does, and in /etc/rcK.d, and replaces some files.
---@type bq.RecipeFile
return {
  name = "init",
  version = "1",
  license = "MIT",
  strategy = "files",
  files = {
    ["/etc/inittab"] = [[
::sysinit:/etc/init.d/rcS
::respawn:/usr/bin/cttyhack /usr/bin/login -f root
::ctrlaltdel:/usr/sbin/reboot
::shutdown:/etc/init.d/rcK
]],
    ["/etc/init.d/rcS"] = [[
#!/bin/sh
export PATH=/usr/bin:/usr/sbin
mount -t proc -o nosuid,nodev,noexec proc /proc
mount -t sysfs -o nosuid,nodev,noexec sysfs /sys
mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 /sys/fs/cgroup
mountpoint -q /dev || mount -t devtmpfs -o nosuid,noexec devtmpfs /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts -o nosuid,noexec,mode=620,gid=5,ptmxmode=666 devpts /dev/pts
mount -t tmpfs -o nosuid,nodev,mode=1777 tmpfs /dev/shm
mount -t tmpfs -o nosuid,nodev,mode=755 tmpfs /run
mount -t tmpfs -o nosuid,nodev,mode=1777 tmpfs /tmp
# A root that cannot be written gets a layer in memory over what is written to.
if ! true 2>/dev/null >/etc/.writable; then
  for folder in etc home mnt opt root srv usr var; do
    [ -d /$folder ] || continue
    mkdir -p /run/overlay/$folder/upper /run/overlay/$folder/work
    mount -t overlay -o lowerdir=/$folder,upperdir=/run/overlay/$folder/upper,workdir=/run/overlay/$folder/work overlay /$folder
  done
fi
rm -f /etc/.writable
if [ -s /etc/fstab ]; then
  swapon -a
  mount -a
fi
ln -s /proc/self/fd /dev/fd
ln -s fd/0 /dev/stdin
ln -s fd/1 /dev/stdout
ln -s fd/2 /dev/stderr
hostname -F /etc/hostname
ip link set lo up
[ ! -s /etc/sysctl.conf ] || sysctl -q -p /etc/sysctl.conf
for program in /etc/rcS.d/*; do
  [ ! -x "$program" ] || "$program"
done
]],
    -- The id of a machine is made once, at its first start: two machines of one image have different ones.
    ["/etc/rcS.d/20-identity"] = [[
#!/bin/sh
if [ ! -s /etc/machine-id ]; then
  od -An -N16 -tx1 /dev/urandom | tr -d ' \n' >/etc/machine-id
  echo >>/etc/machine-id
fi
]],
    ["/etc/rcS.d/50-network"] = [[
#!/bin/sh
for card in /sys/class/net/*; do
  if [ -e "$card/device" ]; then
    card=${card##*/}
    ip link set "$card" up
    udhcpc -b -S -i "$card" >/dev/null 2>&1 &
  fi
done
]],
    ["/etc/init.d/rcK"] = [[
#!/bin/sh
export PATH=/usr/bin:/usr/sbin
for program in /etc/rcK.d/*; do
  [ ! -x "$program" ] || "$program"
done
kill -TERM -1
sleep 1
kill -KILL -1
sync
umount -a -r
]],
    ["/usr/share/udhcpc/default.script"] = [[
#!/bin/sh
# What busybox's DHCP client calls: $1 is what happened, the rest comes by the environment.
case $1 in
deconfig)
  ip addr flush dev "$interface"
  ;;
bound | renew)
  ip addr flush dev "$interface"
  ip addr add "$ip/${mask:-24}" dev "$interface"
  for gateway in $router; do
    ip route add default via "$gateway" dev "$interface" && break
  done
  # A system that says its name servers keeps them.
  [ -e /etc/udhcpc/own-dns ] || {
    [ -z "$domain" ] || echo "search $domain"
    for server in $dns; do
      echo "nameserver $server"
    done
  } >/etc/resolv.conf
  ;;
esac
]],
  },
}
