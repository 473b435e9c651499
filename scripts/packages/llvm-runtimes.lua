-- C++ without GCC: the unwinder, the ABI library and the standard library.
local llvm = require "bq.strategy.llvm"

-- A table for the program include-what-you-use. Python would write it.
local mapping <const> = "/include/c++/v1/libcxx.imp"

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
  version = "22.1.8",
  license = "Apache-2.0 WITH LLVM-exception",
  homepage = "https://libcxx.llvm.org",
  source = {
    {
      url = "https://github.com/llvm/llvm-project/releases/download/llvmorg-{version}/llvm-project-{version}.src.tar.xz",
    },
    {
      debian = "llvm-toolchain-22_22.1.8.orig.tar.xz",
      sha256 = "b49b9277aef97616320b2da259e1f8174c65b0ce2fbe2e8629644a97693402fe",
    },
  },
  -- Of LLVM's C library, the C++ library uses the conversion between numbers and texts.
  -- stylua: ignore
  include = {
    "cmake", "libc/hdr", "libc/include", "libc/shared", "libc/src/__support", "libcxx", "libcxxabi", "libunwind",
    "llvm/cmake", "runtimes",
  },
  strategy = "llvm",
  uses = { "musl", "compiler-rt", "linux-headers" },
  folder = "runtimes",
  cmake = options {},
  configure = function(b)
    llvm.configure(b)
    -- An empty table is there already, so make does not start Python.
    b:write(b.build .. mapping, "[]\n")
  end,
  install = function(b)
    llvm.install(b)
    b:remove(b.dest .. b.prefix .. mapping)
  end,
  -- The programs of phase `sysroot` are static, so it needs no shared libraries.
  phases = {
    -- This step builds the unwinder, so it cannot link it.
    system = { env = { LDFLAGS = "--unwindlib=none" } },
    sysroot = {
      cmake = options {
        "LIBUNWIND_ENABLE_SHARED=OFF",
        "LIBCXXABI_ENABLE_SHARED=OFF",
        "LIBCXX_ENABLE_SHARED=OFF",
        -- A shared library in C++ takes what it needs from the archive.
        "CMAKE_POSITION_INDEPENDENT_CODE=ON",
      },
    },
  },
}
