-- LLVM and a few smaller packages are configured with CMake. It contains the libraries that it needs, so it can be
-- built early.
---@type bq.RecipeFile
return {
  name = "cmake",
  version = "4.3.4",
  license = "BSD-3-Clause",
  homepage = "https://cmake.org",
  source = {
    {
      url = "https://github.com/Kitware/CMake/releases/download/v{version}/cmake-{version}.tar.gz",
      sha256 = "fdeff897b9eb49d764539f2b1edc6eb7e1440df325678a97c1978499e931adda",
      pinned = "4.3.4",
    },
    {
      debian = "cmake_4.3.4.orig.tar.gz",
      sha256 = "fdeff897b9eb49d764539f2b1edc6eb7e1440df325678a97c1978499e931adda",
    },
  },
  -- The CMake of the seed or the sysroot configures it. Its bootstrap script would compile it twice.
  strategy = "cmake",
  uses = { "musl", "llvm-runtimes", "linux-headers" },
  cmake = {
    "BUILD_TESTING=OFF",
    "BUILD_CursesDialog=OFF",
    "BUILD_QtDialog=OFF",
    "CMAKE_USE_OPENSSL=OFF",
    "CMake_ENABLE_DEBUGGER=OFF",
    -- Most of the time of its sources is spent in a few headers.
    "CMake_BUILD_PCH=ON",
  },
  phases = {
    sysroot = { env = { LDFLAGS = "-static" } },
  },
}
