-- The linker, linked with LLVM's installed libraries.
---@type bq.RecipeFile
return {
  name = "lld",
  version = "18.1.8",
  license = "Apache-2.0 WITH LLVM-exception",
  homepage = "https://lld.llvm.org",
  source = {
    {
      url = "https://github.com/llvm/llvm-project/releases/download/llvmorg-{version}/llvm-project-{version}.src.tar.xz",
      sha256 = "0b58557a6d32ceee97c8d533a59b9212d87e0fc4d2833924eb6c611247db2f2a",
      pinned = "18.1.8",
    },
    {
      debian = "llvm-toolchain-18_18.1.8.orig.tar.xz",
      sha256 = "260836e9aefe43fa0f3065c5cc5d502a52e1c4cf03396c1982ddc886f912cbc7",
    },
  },
  -- Of the unwinder it needs only the header for Mach-O's compact unwind tables.
  include = { "cmake", "lld", "libunwind/include/mach-o" },
  strategy = "llvm",
  depends = { "llvm" },
  uses = { "musl", "llvm-runtimes", "linux-headers" },
  folder = "lld",
  runs_itself = true,
  env = { CFLAGS = "-O2 -fno-pie", CXXFLAGS = "-O2 -fno-pie", LDFLAGS = "-static" },
  cmake = { "LLVM_DIR={prefix}/lib/cmake/llvm", "LLVM_INSTALL_TOOLCHAIN_ONLY=ON" },
  phases = {
    sysroot = {
      cmake = {
        "CMAKE_INSTALL_PREFIX={prefix}/llvm",
        "LLVM_DIR={prefix}/llvm/lib/cmake/llvm",
        "LLVM_INSTALL_TOOLCHAIN_ONLY=ON",
      },
    },
  },
}
