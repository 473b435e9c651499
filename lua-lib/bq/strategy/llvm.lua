-- Parts of LLVM, each configured separately with CMake. Python is not needed: only tests and documents use it.
local cmake = require "bq.strategy.cmake"
local syscall = require "bq.syscall"

local llvm = {
  fields = {
    targets = "strings", -- the processors to generate code for, by LLVM's names; the build's own if absent
    runs_itself = "boolean", -- its build runs programs that it builds: no cross build if the machine can run them
  },
  build = cmake.build,
  install = cmake.install,
}
for field, kind in pairs(cmake.fields) do
  llvm.fields[field] = kind
end

local NAMES <const> = { x86_64 = "X86", aarch64 = "AArch64" }

--- LLVM's CMake files require python, but do not run it for the parts that we build. This module replaces CMake's own:
--- it reports python as found and names no program.
---@param b bq.Step
local function without_python(b)
  b:write(b.build .. "/modules/FindPython3.cmake", 'set(Python3_FOUND TRUE)\nset(Python3_EXECUTABLE "")\n')
  return "CMAKE_MODULE_PATH=" .. b.build .. "/modules"
end

--- The processors to generate code for, by LLVM's names.
---@param b bq.Step
---@return string[]
function llvm.targets(b)
  return b.recipe.targets or { NAMES[b.arch] }
end

---@param b bq.Step
function llvm.configure(b)
  local foreign = b.cross and not (b.recipe.runs_itself and b.arch == syscall.uname().machine)
  cmake.generate(b, {
    without_python(b),
    "LLVM_TARGETS_TO_BUILD=" .. table.concat(llvm.targets(b), ";"),
    "LLVM_DEFAULT_TARGET_TRIPLE=" .. b.target,
    "LLVM_HOST_TRIPLE=" .. b.target,
    "LLVM_INCLUDE_TESTS=OFF",
    "LLVM_INCLUDE_DOCS=OFF",
    "LLVM_INCLUDE_EXAMPLES=OFF",
    "LLVM_INCLUDE_BENCHMARKS=OFF",
    "LLVM_INCLUDE_UTILS=OFF",
    "LLVM_INCLUDE_RUNTIMES=OFF",
    "LLVM_APPEND_VC_REV=OFF",
    "LLVM_ENABLE_FFI=OFF",
    "LLVM_ENABLE_LIBEDIT=OFF",
    "LLVM_ENABLE_LIBXML2=OFF",
    "LLVM_ENABLE_ZLIB=OFF",
    "LLVM_ENABLE_ZSTD=OFF",
    -- Programs that run on the build machine in a cross build.
    "CROSS_TOOLCHAIN_FLAGS_NATIVE=-DCMAKE_C_COMPILER=" .. b.env.HOSTCC .. ";-DCMAKE_CXX_COMPILER=" .. b.env.HOSTCXX,
  }, foreign)
end

return llvm
