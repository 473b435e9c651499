# The README's first command, the coordinator, and what they made: set `core`, to the digests that were recorded.
make_place
as_user cargo run --quiet --release -- scripts/build_sysroot.lua --set core --output "$area/user/sysroot.tar.gz"
as_user cargo run --quiet --release -- scripts/coordinator.lua
bq=$(find "$area/user/target" -path '*/release/bq' -type f | head -n 1)
cp "$bq" "$area/bq-bin"
bq=$area/bq-bin
again=$(as_user "$bq" scripts/coordinator.lua 2>&1) || fail "$again"
expect "$again" "nothing to do"
as_user "$bq" scripts/status.lua
listing=$(as_user "$bq" scripts/enter.lua --rootfs rootfs -- /bin/sh -c 'ls /; ls /usr/lib; cat /etc/os-release')
expect "$listing" "ld-musl-"
expect "$listing" "ID=bq"
compgen -G "$area/bq/data/sysroot/store/*/output/usr/lib/libz.so.1" >/dev/null || fail "zlib has no shared library"
for file in bin/busybox lib/libz.so.1 lib/libc.a; do
  for found in $(compgen -G "$area/bq/data/sysroot/store/*/output/usr/$file"); do
    ! grep -qaE 'clang version|LLD [0-9]' "$found" || fail "$found names the compiler of the seed"
  done
done
grep -q debian <<<"$listing" && fail "something of the seed is in the rootfs: $listing"

as_user "$bq" scripts/verify.lua --expected "tests/expected/$(uname -m).json"

# The bill of materials of all of it, and of a package that is odd, as the schema of CycloneDX has it.
as_user "$bq" -e '
  local bom, state, workspace = require "bq.stage.bom", require "bq.run.state", require "bq.workspace"
  local space = workspace.new "data/sysroot"
  local plan = space:plan()
  local build, none = state.look(space, plan), ("0"):rep(64)
  local odd = { id = "odd/odd++", name = "odd++", version = "1.0+git~2", license = "Custom: see COPYING" }
  table.insert(plan.steps, setmetatable(odd, { __index = plan.steps[1] }))
  local bill = bom.make(plan, plan.steps, space:locked().sources, build.outputs, none, none)
  print(require("bq.json").encode(bill, { pretty = true }))
' >"$area/user/sbom.json"
check_bill "$area/user/sbom.json"
