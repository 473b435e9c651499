# Clippy, with the oldest Rust that Cargo.toml allows (the lint `incompatible_msrv`); crates that nothing uses; files that need each other.
make_place
python3 .ci/circles.py || fail "imports go down, never in a circle"
as_user cargo clippy --quiet --locked --all-targets -- -D warnings
# Each dependency of the tests is used by one of them; those of bq are looked after by `unused_crate_dependencies`.
unused=$(as_user cargo metadata --no-deps --format-version 1 --locked | python3 -c '
import json, re, subprocess, sys
for package in json.load(sys.stdin)["packages"]:
    for name in {d["name"] for d in package["dependencies"] if d["kind"] == "dev"}:
        word = r"(use|^|[^\w:])\s*" + name.replace("-", "_") + "(::|;)"
        if subprocess.run(["git", "grep", "-qE", word, "--", "tests", "benches", "src"]).returncode != 0:
            print(name)')
[ -z "$unused" ] || fail "no test uses: $unused"
