-- The C and C++ compiler, linked with LLVM's installed libraries. One configuration file beside it sets its defaults
-- (the linker, the runtimes, the C++ library), so that no recipe has to name them.
local llvm = require "bq.strategy.llvm"

local defaults <const> = [[
--rtlib=compiler-rt
--unwindlib=libunwind
-stdlib=libc++
-fuse-ld=lld
]]
-- The sysroot's compiler builds the system. It uses the headers and libraries of the root, not those beside it.
local building <const> = defaults .. [[
-resource-dir=/usr/lib/clang/%s
-stdlib++-isystem/usr/include/c++/v1
]]

local options <const> = {
  "CLANG_ENABLE_STATIC_ANALYZER=OFF",
  "CLANG_BUILD_EXAMPLES=OFF",
  "CLANG_INCLUDE_DOCS=OFF",
  "CLANG_INCLUDE_TESTS=OFF",
  "CLANG_PLUGIN_SUPPORT=OFF",
  "CLANG_LINKS_TO_CREATE=clang++;clang-cpp",
}
local function with(more)
  return table.move(more, 1, #more, #options + 1, table.move(options, 1, #options, 1, {}))
end

---@type bq.RecipeFile
return {
  name = "clang",
  version = "22.1.8",
  license = "Apache-2.0 WITH LLVM-exception",
  homepage = "https://clang.llvm.org",
  source = {
    {
      url = "https://github.com/llvm/llvm-project/releases/download/llvmorg-{version}/llvm-project-{version}.src.tar.xz",
    },
    {
      debian = "llvm-toolchain-22_22.1.8.orig.tar.xz",
      sha256 = "b49b9277aef97616320b2da259e1f8174c65b0ce2fbe2e8629644a97693402fe",
    },
  },
  -- stylua: ignore
  include = {
    "cmake", "clang/CMakeLists.txt", "clang/LICENSE.TXT", "clang/cmake", "clang/examples", "clang/include", "clang/lib",
    "clang/runtime", "clang/tools", "clang/utils",
  },
  strategy = "llvm",
  depends = { "llvm" },
  uses = { "musl", "llvm-runtimes", "linux-headers" },
  folder = "clang",
  runs_itself = true,
  env = { CFLAGS = "-O2 -fno-pie", CXXFLAGS = "-O2 -fno-pie", LDFLAGS = "-static" },
  build_targets = { "distribution" },
  install_targets = { "install-distribution" },
  cmake = with {
    "LLVM_DIR={prefix}/lib/cmake/llvm",
    "LLVM_DISTRIBUTION_COMPONENTS=clang",
    "CLANG_CONFIG_FILE_SYSTEM_DIR=/etc/clang",
  },
  install = function(b)
    llvm.install(b)
    b:write(b.dest .. "/etc/clang/clang.cfg", defaults)
    b:symlink("clang.cfg", b.dest .. "/etc/clang/clang++.cfg")
    b:symlink("clang", b.dest .. b.prefix .. "/bin/cc")
    b:symlink("clang++", b.dest .. b.prefix .. "/bin/c++")
    b:symlink("clang-cpp", b.dest .. b.prefix .. "/bin/cpp")
  end,
  phases = {
    sysroot = {
      cmake = with {
        "CMAKE_INSTALL_PREFIX={prefix}/llvm",
        "LLVM_DIR={prefix}/llvm/lib/cmake/llvm",
        "LLVM_DISTRIBUTION_COMPONENTS=clang;clang-resource-headers",
        "CLANG_CONFIG_FILE_SYSTEM_DIR={prefix}/etc/clang",
      },
      install = function(b)
        llvm.install(b)
        b:write(b.dest .. b.prefix .. "/etc/clang/clang.cfg", building:format(b.version:match "^%d+"))
        b:symlink("clang.cfg", b.dest .. b.prefix .. "/etc/clang/clang++.cfg")
      end,
    },
  },
}
