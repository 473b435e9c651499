#!/bin/sh
# What a finished root has to do, run in it:
#   bq scripts/enter.lua --rootfs data/sysroot/finished -- /bin/sh -c "$(cat tests/finished/works.sh)"
# Needs nothing but the root itself; prints a line for each thing that works, and stops at the first that does not.
set -eu
folder=$(mktemp -d)
cd "$folder"
export HOME="$folder"
say() { printf 'ok %s\n' "$*"; }
is() { [ "$1" = "$2" ] || { printf 'expected %s, not %s\n' "$2" "$1" >&2; exit 1; }; }

cat >throws.cpp <<'CPP'
#include <atomic>
#include <iostream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>
int main() {
  std::atomic<int> caught{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; i++)
    threads.emplace_back([&caught, i] {
      try {
        throw std::runtime_error(std::to_string(i));
      } catch (const std::exception &e) {
        caught += std::stoi(e.what());
      }
    });
  for (auto &thread : threads) thread.join();
  std::cout << caught << std::endl;
}
CPP
c++ -O2 -o throws throws.cpp
is "$(./throws)" 28
c++ -O2 -static -o throws-static throws.cpp
is "$(./throws-static)" 28
say "C++ with exceptions and threads, shared and static"

printf '#include <stdio.h>\n#include <zlib.h>\nint main(void) { puts(zlibVersion()); return 0; }\n' >version.c
cc -o version version.c -lz
./version >/dev/null
say "C with a library"

mkdir project
cat >project/CMakeLists.txt <<'CMAKE'
cmake_minimum_required(VERSION 3.20)
project(hello C CXX)
find_package(ZLIB REQUIRED)
add_library(greet SHARED greet.cpp)
add_executable(hello hello.c)
target_link_libraries(hello greet ZLIB::ZLIB)
CMAKE
printf '#include <string>\nextern "C" const char *greet(void) { static std::string s = "hello"; return s.c_str(); }\n' >project/greet.cpp
printf '#include <stdio.h>\nconst char *greet(void);\nint main(void) { puts(greet()); return 0; }\n' >project/hello.c
cmake -S project -B build >/dev/null
make -C build -j2 >/dev/null
is "$(build/hello)" hello
say "a CMake project"

git init --quiet one
git -C one config user.email somebody@example.org
git -C one config user.name somebody
echo content >one/file
git -C one add file
git -C one commit --quiet -m first
git clone --quiet one two
is "$(cat two/file)" content
say "git: a clone of a local repository"

is "$(lua -e 'print(1 + 1)')" 2
say lua
is "$(sqlite3 :memory: 'select 6 * 7')" 42
say sqlite
fossil init one.fossil >/dev/null
say fossil
is "$(bq -e 'print(1 + 1)')" 2
say bq
cd /
rm -rf "$folder"
