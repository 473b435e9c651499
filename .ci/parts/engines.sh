# Servers that others run as caches, unpacked from Debian without root: nginx by HTTP, casd and justbuild by gRPC.
make_place
for engine in nginx casd justbuild; do
  as_user bash "tests/engines/$engine" "$area/user/engines" install
done
for who in user root; do
  said=$("as_$who" env BQ_ENGINES="$area/user/engines" cargo test --locked --test pipeline engines:: 2>&1) || fail "$said"
  for test in nginx_keeps_outputs casd_keeps_outputs justbuild_takes_blobs_and_says_that_it_takes_no_results; do
    expect "$said" "engines::$test ... ok"
  done
  ! grep -F 'skipped: engines' <<<"$said" || fail "an engine was not there"
done
