# Servers that others run as caches: nginx, as Debian has it, unpacked without root.
make_place
as_user bash tests/engines/nginx "$area/user/engines" install
for who in user root; do
  said=$("as_$who" env BQ_ENGINES="$area/user/engines" cargo test --locked --test pipeline engines:: 2>&1) || fail "$said"
  expect "$said" "engines::nginx_keeps_outputs ... ok"
  ! grep -F 'skipped: engines' <<<"$said" || fail "the engine was not there"
done
