# The tests, as an ordinary user and as root, by the same programs; and that none was skipped but those of `.ci/may-skip`.
make_place
# The report of a build is opened in a browser.
install_packages chromium
run_tests() {
  local who=$1 log=$area/tests.log skipped
  "as_$who" cargo test --locked --no-fail-fast 2>&1 | tee "$log"
  skipped=$(sed -nE "s/.*skipped: ([^ ]+): .*/$who \1/p; s/^test ([^ ]+) +\.\.\. ignored.*/$who \1/p" "$log" | sort -u)
  diff <(grep "^$who " .ci/may-skip | sort) <(printf '%s' "${skipped:+$skipped$'\n'}") ||
    fail "the tests that were skipped (>) are not those of .ci/may-skip (<)"
}
run_tests user
run_tests root
