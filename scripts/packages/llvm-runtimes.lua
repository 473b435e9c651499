-- C++ without GCC: the unwinder, the ABI library and the standard library, in one archive and one shared object.
return {
  name = "llvm-runtimes",
  version = "18.1.8",
  license = "Apache-2.0 WITH LLVM-exception",
  homepage = "https://libcxx.llvm.org",
  source = {
    { url = "https://github.com/llvm/llvm-project/releases/download/llvmorg-{version}/llvm-project-{version}.src.tar.xz" },
    {
      debian = "llvm-toolchain-18_18.1.8.orig.tar.xz",
      sha256 = "260836e9aefe43fa0f3065c5cc5d502a52e1c4cf03396c1982ddc886f912cbc7",
    },
  },
  include = { "cmake", "libcxx", "libcxxabi", "libunwind", "llvm/cmake", "llvm/utils/llvm-lit", "runtimes", "third-party" },
  strategy = "cmake",
  uses = { "musl", "compiler-rt", "linux-headers" },
  folder = "runtimes",
  cmake = {
    "LLVM_ENABLE_RUNTIMES=libunwind;libcxxabi;libcxx",
    "LLVM_INCLUDE_TESTS=OFF",
    "LLVM_INCLUDE_DOCS=OFF",
    "CMAKE_C_COMPILER_TARGET={target}",
    "CMAKE_CXX_COMPILER_TARGET={target}",
    -- Programs cannot be linked before this very package is there.
    "CMAKE_TRY_COMPILE_TARGET_TYPE=STATIC_LIBRARY",
    "LIBUNWIND_USE_COMPILER_RT=ON",
    "LIBUNWIND_INCLUDE_TESTS=OFF",
    "LIBCXXABI_USE_COMPILER_RT=ON",
    "LIBCXXABI_USE_LLVM_UNWINDER=ON",
    "LIBCXXABI_ENABLE_STATIC_UNWINDER=ON",
    "LIBCXXABI_STATICALLY_LINK_UNWINDER_IN_SHARED_LIBRARY=ON",
    "LIBCXXABI_ENABLE_SHARED=OFF",
    "LIBCXXABI_INCLUDE_TESTS=OFF",
    "LIBCXX_USE_COMPILER_RT=ON",
    "LIBCXX_CXX_ABI=libcxxabi",
    "LIBCXX_HAS_MUSL_LIBC=ON",
    -- One library to link: `-lc++` is all that the compiler has to say.
    "LIBCXX_ENABLE_STATIC_ABI_LIBRARY=ON",
    "LIBCXX_STATICALLY_LINK_ABI_IN_STATIC_LIBRARY=ON",
    "LIBCXX_STATICALLY_LINK_ABI_IN_SHARED_LIBRARY=ON",
    "LIBCXX_INCLUDE_TESTS=OFF",
    "LIBCXX_INCLUDE_BENCHMARKS=OFF",
    -- Looked for by compiling without linking, which finds everything.
    "LIBCXX_HAS_ATOMIC_LIB=NO",
    "LIBCXX_HAS_RT_LIB=NO",
    "LIBCXXABI_HAS_CXA_THREAD_ATEXIT_IMPL=NO",
  },
}
