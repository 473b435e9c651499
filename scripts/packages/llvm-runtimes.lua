-- C++ without GCC: the unwinder, the ABI library and the standard library.
local function options(more)
  local common = {
    "LLVM_ENABLE_RUNTIMES=libunwind;libcxxabi;libcxx",
    "CMAKE_C_COMPILER_TARGET={target}",
    "CMAKE_CXX_COMPILER_TARGET={target}",
    "CMAKE_ASM_COMPILER_TARGET={target}",
    -- C programs can be linked at this point. C++ programs need this package.
    "CMAKE_CXX_COMPILER_WORKS=ON",
    "LIBUNWIND_USE_COMPILER_RT=ON",
    "LIBCXXABI_USE_COMPILER_RT=ON",
    "LIBCXX_USE_COMPILER_RT=ON",
    "LIBCXXABI_USE_LLVM_UNWINDER=ON",
    "LIBCXX_CXX_ABI=libcxxabi",
    "LIBCXX_HAS_MUSL_LIBC=ON",
    "LIBCXX_INCLUDE_BENCHMARKS=OFF",
    "LIBCXX_INCLUDE_TESTS=OFF",
    "LIBCXXABI_INCLUDE_TESTS=OFF",
    "LIBUNWIND_INCLUDE_TESTS=OFF",
    -- The static archive contains the other libraries, so `-lc++` is always enough.
    "LIBCXX_ENABLE_STATIC_ABI_LIBRARY=ON",
    "LIBCXXABI_ENABLE_STATIC_UNWINDER=ON",
    "LIBCXX_STATICALLY_LINK_ABI_IN_SHARED_LIBRARY=OFF",
    "LIBCXXABI_STATICALLY_LINK_UNWINDER_IN_SHARED_LIBRARY=OFF",
  }
  return table.move(more, 1, #more, #common + 1, common)
end

---@type bq.RecipeFile
return {
  name = "llvm-runtimes",
  version = "18.1.8",
  license = "Apache-2.0 WITH LLVM-exception",
  homepage = "https://libcxx.llvm.org",
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
  include = { "cmake", "libcxx", "libcxxabi", "libunwind", "llvm/cmake", "llvm/utils", "runtimes" },
  strategy = "llvm",
  uses = { "musl", "compiler-rt", "linux-headers" },
  folder = "runtimes",
  cmake = options {},
  -- The programs of phase `sysroot` are static, so it needs no shared libraries.
  phases = {
    -- This step builds the unwinder, so it cannot link it.
    system = { env = { LDFLAGS = "--unwindlib=none" } },
    sysroot = {
      cmake = options {
        "LIBUNWIND_ENABLE_SHARED=OFF",
        "LIBCXXABI_ENABLE_SHARED=OFF",
        "LIBCXX_ENABLE_SHARED=OFF",
      },
    },
  },
}
