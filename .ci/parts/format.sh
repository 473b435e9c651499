# Rust and Lua are formatted: rustfmt, StyLua (`bash .ci/run format` checks; with BQ_WRITE=1 it formats).
npm_stylua() { npm install --silent --no-audit --no-fund --prefix "$2" "@johnnymorganz/stylua@$1"; }
kept stylua 2.5.2 npm_stylua 2.5.2
if [ -n "${BQ_WRITE-}" ]; then
  cargo fmt
  git ls-files '*.lua' | node .ci/stylua.cjs "$folder" --write
else
  cargo fmt --check
  git ls-files '*.lua' | node .ci/stylua.cjs "$folder" --check || fail "format them: \`BQ_WRITE=1 bash .ci/run format\`"
fi
