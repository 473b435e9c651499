-- The linker, linked with LLVM's installed libraries.
-- The headers that most of its sources include, directly or not.
-- stylua: ignore
local headers <const> = {
  "algorithm", "memory", "optional", "string", "vector", "llvm/ADT/ArrayRef.h", "llvm/ADT/DenseMap.h",
  "llvm/ADT/STLExtras.h", "llvm/ADT/SmallVector.h", "llvm/ADT/StringExtras.h", "llvm/ADT/StringMap.h",
  "llvm/ADT/Twine.h", "llvm/Object/Archive.h", "llvm/Object/COFF.h", "llvm/Object/ELFObjectFile.h",
  "llvm/Option/ArgList.h", "llvm/Support/CommandLine.h", "llvm/Support/Endian.h", "llvm/Support/FileSystem.h",
  "llvm/Support/MemoryBuffer.h", "llvm/Support/Parallel.h", "llvm/Support/Path.h", "llvm/Support/TimeProfiler.h",
  "llvm/Support/raw_ostream.h",
}

---@type bq.RecipeFile
return {
  name = "lld",
  version = "22.1.8",
  license = "Apache-2.0 WITH LLVM-exception",
  homepage = "https://lld.llvm.org",
  source = {
    {
      url = "https://github.com/llvm/llvm-project/releases/download/llvmorg-{version}/llvm-project-{version}.src.tar.xz",
    },
    {
      debian = "llvm-toolchain-22_22.1.8.orig.tar.xz",
      sha256 = "b49b9277aef97616320b2da259e1f8174c65b0ce2fbe2e8629644a97693402fe",
    },
  },
  -- Of the unwinder it needs only the header for Mach-O's compact unwind tables.
  include = { "cmake", "lld", "libunwind/include/mach-o", "llvm/lib/Support/rpmalloc" },
  strategy = "llvm",
  depends = { "llvm" },
  uses = { "musl", "llvm-runtimes", "linux-headers" },
  folder = "lld",
  runs_itself = true,
  allocator = true,
  precompile = { { folders = { "COFF", "Common", "ELF", "MachO", "MinGW", "wasm" }, headers = headers } },
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
