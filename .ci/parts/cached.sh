# Set `core` from a cache, for another user on another path: no compiler is started; and a step by a worker, since a byte was wrong.
as_user bash tests/engines/casd "$area/user/engines" install
mkdir -p "$area/other"
chown 61234:61234 "$area/other"
# Somebody whom this machine does not know.
as_other() {
  setpriv --reuid 61234 --regid 61234 --clear-groups env -i HOME="$area/other" PATH=/usr/bin:/bin LC_ALL=C.UTF-8 "$@"
}
port=$(free_port)
as_user bash tests/engines/casd "$area/user/engines" "$port" >"$area/user/casd.log" 2>&1 &
casd=$!
for _ in $(seq 600); do
  grep -q '^grpc://' "$area/user/casd.log" && break
  sleep 0.1
done
cache=grpc://127.0.0.1:$port
as_user "$bq" scripts/copy.lua --to "$cache"

space=$area/other/workspace
cd "$area/bq"
as_other "$bq" scripts/build_sysroot.lua --set core --workspace "$space" \
  --mirror "$area/bq/data/sysroot/sources" --mirror "$area/bq/data/sysroot/seed/packages"
taken=$(as_other strace --follow-forks --seccomp-bpf --trace=execve --output="$area/other/trace" \
  "$bq" scripts/coordinator.lua --workspace "$space" --remote "$cache" 2>&1) || fail "$taken"
! grep -F 'start ' <<<"$taken" || fail "something was built: $taken"
expect "$taken" "fetched "
# Programs are bq and nothing else; a trace without them would be none.
programs=$(sed -nE 's/.*execve\("([^"]+)".* = 0$/\1/p' "$area/other/trace" | sort -u)
expect "$programs" "/bq"
[ -z "$(grep -vE '/bq(-bin)?$' <<<"$programs")" ] || fail "programs were started: $programs"
as_other "$bq" scripts/verify.lua --workspace "$space" --expected "tests/expected/$(uname -m).json"

# A byte of one archive is wrong in the cache. A worker makes the same archive again, and the cache keeps what it has: the step is built
# here. Once the cache has lost it, the worker's is taken.
spoilt=$(as_user "$bq" -e '
  local fs, archive = require "bq.fs", require "bq.archive"
  for _, entry in ipairs(fs.walk(arg[1])) do
    local path = arg[1] .. "/" .. entry.path
    if entry.type == "file" and fs.read(path):sub(1, 4) == "\x28\xb5\x2f\xfd" then
      local ok, members = pcall(archive.list, path)
      for _, member in ipairs(ok and members or {}) do
        if member.path == "usr/lib/libz.so" then
          local text = fs.read(path)
          fs.chmod(path, 420)
          fs.write(path, text:sub(1, #text // 2) .. string.char(text:byte(#text // 2 + 1) ~ 1) .. text:sub(#text // 2 + 2))
          print(path)
        end
      end
    end
  end
' "$area/user/engines/state/cas/objects")
[ -n "$spoilt" ] || fail "the cache has no archive of zlib"
rm -rf "$space/store" "$space/share"
words=(scripts/coordinator.lua --workspace "$space" --remote "$cache" --remote-execute --remote-only)
taken=$(as_other "$bq" "${words[@]}" 2>&1) || fail "$taken"
expect "$taken" "system/zlib of \`$cache\` is not taken: "
expect "$taken" "system/zlib is built here, since what came from a worker is of no use: "
as_other "$bq" scripts/verify.lua --workspace "$space" --expected "tests/expected/$(uname -m).json"
rm "$spoilt"
rm -rf "$space/store" "$space/share"
taken=$(as_other "$bq" "${words[@]}" 2>&1) || fail "$taken"
starts=$(grep -F 'start ' <<<"$taken")
expect "$starts" "start  system/zlib"
! grep -vF ', on a worker: ' <<<"$starts" || fail "not all was built by workers: $taken"
as_other "$bq" scripts/verify.lua --workspace "$space" --expected "tests/expected/$(uname -m).json"
end_tree "$casd"
wait "$casd" || true
cd - >/dev/null
rm -rf "$area/other"
