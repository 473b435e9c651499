# One changed flag, one changed comment, a recipe from outside.
recipe=$area/bq/scripts/packages/zlib.lua
version=$(sed -nE 's/^ *version = "([^"]+)".*/\1/p' "$recipe" | head -n 1)
sed -i 's/"--shared"/"--shared", "--static"/' "$recipe"
changed=$(as_user "$bq" scripts/coordinator.lua 2>&1) || fail "$changed"
expect "$changed" "start  system/zlib $version: configure changed"
expect "$changed" "building 1 of"
printf -- '-- A remark.\n' >>"$recipe"
changed=$(as_user "$bq" scripts/coordinator.lua 2>&1) || fail "$changed"
expect "$changed" "nothing to do"
git -C "$area/bq" checkout --quiet scripts
mkdir "$area/user/recipes"
sed "s/VERSION/$version/" >"$area/user/recipes/hello.lua" <<'RECIPE'
return {
  name = "hello",
  version = "1",
  license = "MIT",
  strategy = "files",
  build = function(b)
    b:write(b.build .. "/hello.c", '#include <zlib.h>\n#include <stdio.h>\nint main(void) { puts(zlibVersion()); return 0; }\n')
    b:run { "clang", "-o", "hello", "hello.c", "-lz" }
    assert(b:capture { "./hello" } == "VERSION")
    b:install(b.build .. "/hello", "/usr/bin/hello")
  end,
  depends = { "zlib" },
}
RECIPE
# What packages of others take for granted: C++, the usual names of tools, localhost, and owners that a step cannot give.
cat >"$area/user/recipes/field.lua" <<'RECIPE'
return {
  name = "field",
  version = "1",
  license = "MIT",
  strategy = "files",
  depends = { "zlib" },
  build = function(b)
    b:write(b.build .. "/hello.cc", [[
#include <iostream>
#include <netdb.h>
#include <stdexcept>
#include <string>
int main() {
  addrinfo *found = nullptr;
  if (getaddrinfo("localhost", nullptr, nullptr, &found) != 0) return 1;
  try {
    throw std::runtime_error("caught");
  } catch (const std::exception &error) {
    std::cout << std::string("C++ ") + error.what() << std::endl;
  }
  return 0;
}
]])
    b:run { "c++", "-O2", "-o", "hello", "hello.cc" }
    assert(b:capture { "./hello" } == "C++ caught")
    b:run { "clang++", "-O2", "-static", "-o", "hello-static", "hello.cc" }
    assert(b:capture { "./hello-static" } == "C++ caught")
    b:run { "c++", "-O2", "-fPIC", "-shared", "-Dmain=hello", "-o", "libhello.so", "hello.cc" }
    b:write(b.build .. "/main.c", "int _Z5hellov(void);\nint main(void) { return _Z5hellov(); }\n")
    b:run { "cc", "-o", "hello-shared", "main.c", "-L.", "-lhello", "-Wl,-rpath," .. b.build }
    assert(b:capture { "./hello-shared" } == "C++ caught")
    b:run { "cc", "-c", "-x", "c", "/dev/null", "-o", "empty.o" }
    b:run { "ar", "rcs", "libempty.a", "empty.o" }
    b:run { "ranlib", "libempty.a" }
    b:run { "nm", "empty.o" }
    b:run { "strip", "hello" }
    b:run { "install", "-g", "5", "-m", "640", "hello.cc", "owned" }
    b:run { "chown", "1000:1000", "owned" }
    b:run { "tar", "cf", "owned.tar", "owned" }
    b:run { "tar", "xpf", "owned.tar" }
  end,
  install = function(b)
    b:install(b.build .. "/hello", "/usr/bin/field")
  end,
}
RECIPE
# The same of GNU's programs, on the seed: an archive of another user's.
cat >"$area/user/recipes/given.lua" <<'RECIPE'
return {
  name = "given",
  version = "1",
  license = "MIT",
  strategy = "files",
  install = function(b)
    b:write(b.build .. "/file", "x")
    b:run { "tar", "--owner=1000", "--group=1000", "-cf", "given.tar", "file" }
    b:run { "tar", "-xpf", "given.tar" }
    b:run { "install", "-g", "5", "-o", "7", "-m", "640", "file", b.dest .. "/given" }
    assert(b:stat(b.dest .. "/given").mode == tonumber("640", 8))
  end,
}
RECIPE
as_user "$bq" scripts/build_sysroot.lua --set core --recipes "$area/user/recipes" --with hello,field
changed=$(as_user "$bq" scripts/coordinator.lua 2>&1) || fail "$changed"
expect "$changed" "done   system/hello"
expect "$changed" "done   system/field"
as_user "$bq" scripts/build_sysroot.lua --set core --offline --recipes "$area/user/recipes" --with given@sysroot --only given
changed=$(as_user "$bq" scripts/coordinator.lua 2>&1) || fail "$changed"
expect "$changed" "done   sysroot/given"
# Without the recipe again: the plan that was packed.
as_user "$bq" scripts/build_sysroot.lua --set core --offline --with= --recipes= --only=
