# A minute of fuzzing, spread over the targets; the commit decides about the inputs.
make_place
as_user cargo build --quiet --locked
bq=$(find "$area/user/target" -path '*/debug/bq' -type f | head -n 1)
targets=(tests/fuzz/targets/*.lua)
as_user "$bq" tests/fuzz/run.lua --seconds $((60 / ${#targets[@]})) --seed "$((16#$(git rev-parse HEAD | cut -c 1-7)))" --keep "$area/user/findings" ||
  { cat "$area"/user/findings/*.txt; fail "inputs that found something; \`--seed\` is in the lines above"; }
