# The types of the Lua files: library, programs, recipes and tests.
kept emmylua_check 0.25.1 crate emmylua_check@0.25.1
"$folder/bin/emmylua_check" --output-format json --output "$folder/types.json" . >/dev/null 2>&1 || true
python3 .ci/lua-types.py "$PWD" <"$folder/types.json" || fail "the types of the Lua files do not fit"
