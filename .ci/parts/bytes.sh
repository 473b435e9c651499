# bq itself is the same bytes whoever builds it: root in another folder, with another CARGO_HOME, at another time.
git clone --quiet . "$area/elsewhere"
(
  cd "$area/elsewhere"
  CARGO_HOME=$area/crates CARGO_TARGET_DIR=$area/other-target cargo build --quiet --release --locked
)
cmp "$(find "$area/other-target" -path '*/release/bq' -type f | head -n 1)" "$bq"
rm -rf "$area/elsewhere" "$area/crates" "$area/other-target"
