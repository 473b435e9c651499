-- Functions that the compiler calls if the processor has no instruction for an operation, and the first and last
-- objects of every program. They go to the resource folder of the compiler in use.
local cmake = require "bq.strategy.cmake"

---@type bq.RecipeFile
return {
  name = "compiler-rt",
  version = "22.1.8",
  license = "Apache-2.0 WITH LLVM-exception",
  homepage = "https://compiler-rt.llvm.org",
  source = {
    {
      url = "https://github.com/llvm/llvm-project/releases/download/llvmorg-{version}/llvm-project-{version}.src.tar.xz",
    },
    {
      debian = "llvm-toolchain-22_22.1.8.orig.tar.xz",
      sha256 = "b49b9277aef97616320b2da259e1f8174c65b0ce2fbe2e8629644a97693402fe",
    },
  },
  include = { "cmake", "compiler-rt/cmake", "compiler-rt/lib/builtins", "llvm/cmake", "third-party/siphash" },
  strategy = "cmake",
  uses = { "linux-headers", "musl-headers" },
  folder = "compiler-rt/lib/builtins",
  cmake = {
    "CMAKE_C_COMPILER_TARGET={target}",
    "CMAKE_CXX_COMPILER_TARGET={target}",
    "CMAKE_ASM_COMPILER_TARGET={target}",
    -- No program can be linked before this package is installed.
    "CMAKE_TRY_COMPILE_TARGET_TYPE=STATIC_LIBRARY",
    "COMPILER_RT_DEFAULT_TARGET_ONLY=ON",
    "COMPILER_RT_BUILD_CRT=ON",
    "LLVM_ENABLE_PER_TARGET_RUNTIME_DIR=ON",
  },
  configure = function(b)
    local resources = b:capture { b.env.CC, "-print-resource-dir" }
    cmake.generate(b, { "COMPILER_RT_INSTALL_PATH=" .. resources })
  end,
  -- The headers of the C library and the kernel come from the root. This phase's own headers are built after this
  -- package.
  phases = { system = { uses = { "clang-headers" } } },
}
