# A system from its page: its user logs in, its service comes back when it is killed, `su` works; a change of its name builds nothing.
as_user cp -r scripts/systems "$area/user/systems"
make_appliance() { as_user "$bq" scripts/make.lua "$area/user/systems/appliance.lua" --output "$1" 2>&1; }
made=$(make_appliance "$area/user/appliance.qcow2") || fail "$made"
made=$(make_appliance "$area/user/again.qcow2") || fail "$made"
expect "$made" "nothing to do"
cmp "$area/user/appliance.qcow2" "$area/user/again.qcow2"
as_user "$bq" scripts/boot.lua "$area/user/appliance.qcow2" --emulate --timeout 900 --network user --serial "$area/user/serial" \
  --wait-for 'appliance login: ' --type ann --wait-for 'Password: ' --type bq \
  --wait-for 'ann@appliance:~$' --type 'stat -c %U:%G:%a . /data' --wait-for $'\nann:ann:700\r\nroot:root:755\r' \
  --wait-for 'ann@appliance:~$' --type 'su root' --wait-for 'Password: ' --type bq \
  --wait-for '#' --type 'sv status beat' --wait-for 'run: beat' \
  --wait-for '#' --type 'kill -9 $(cat /run/sv/beat/pid); sleep 5; sv status beat' --wait-for 'run: beat' \
  --wait-for '#' --type 'tail -n 1 /var/log/beat/current' --wait-for 'seconds' \
  --wait-for '#' --type 'ip -4 addr show eth0' --wait-for 'inet 10.0.2.15' \
  --wait-for '#' --type poweroff
as_user sed -i 's/name = "appliance"/&, hostname = "other"/' "$area/user/systems/appliance.lua"
made=$(make_appliance "$area/user/other.qcow2") || fail "$made"
expect "$made" "nothing to do"
listing=$(as_user "$bq" scripts/inspect.lua --read /etc/hostname "$area/user/other.qcow2")
expect "$listing" other
