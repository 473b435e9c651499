# One changed flag, one changed comment, a recipe from outside.
recipe=$area/bq/scripts/packages/zlib.lua
sed -i 's/"--shared"/"--shared", "--static"/' "$recipe"
changed=$(as_user "$bq" scripts/coordinator.lua 2>&1)
expect "$changed" "start  system/zlib 1.3.1: configure changed"
expect "$changed" "building 1 of"
printf -- '-- A remark.\n' >>"$recipe"
changed=$(as_user "$bq" scripts/coordinator.lua 2>&1)
expect "$changed" "nothing to do"
git -C "$area/bq" checkout --quiet scripts
mkdir "$area/user/recipes"
cat >"$area/user/recipes/hello.lua" <<'RECIPE'
return {
  name = "hello",
  version = "1",
  license = "MIT",
  strategy = "files",
  build = function(b)
    b:write(b.build .. "/hello.c", '#include <zlib.h>\n#include <stdio.h>\nint main(void) { puts(zlibVersion()); return 0; }\n')
    b:run { "clang", "-o", "hello", "hello.c", "-lz" }
    assert(b:capture { "./hello" } == "1.3.1")
    b:install(b.build .. "/hello", "/usr/bin/hello")
  end,
  depends = { "zlib" },
}
RECIPE
as_user "$bq" scripts/build_sysroot.lua --set core --recipes "$area/user/recipes" --with hello
changed=$(as_user "$bq" scripts/coordinator.lua 2>&1)
expect "$changed" "done   system/hello"
expect "$changed" "building 1 of"
# Without the recipe again: the plan that was packed.
as_user "$bq" scripts/build_sysroot.lua --set core --offline
