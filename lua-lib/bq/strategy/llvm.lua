-- Parts of LLVM, each configured separately with CMake. Python is not needed: only tests and documents use it.
local cmake = require "bq.strategy.cmake"
local syscall = require "bq.syscall"

local llvm = {
  fields = {
    targets = "strings", -- the processors to generate code for, by LLVM's names; the build's own if absent
    allocator = "boolean", -- its programs have LLVM's own allocator of memory; `include` has `llvm/lib/Support/rpmalloc`
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

--- Compiles the allocator of memory that is in LLVM's sources. That of musl is made to be small, and LLVM's programs spend much
--- of their time in it.
---@param b bq.Step
---@return string object file
local function allocator(b)
  local object = b.build .. "/rpmalloc.o"
  -- stylua: ignore
  b:run {
    b.env.CC, "-O2", "-fno-pie", "-D_GNU_SOURCE", "-DENABLE_OVERRIDE=1",
    -- Memory is asked for before anything else runs. What would replace pthread_create looks for a shared C library's; without
    -- it, a thread has its heap made when it first asks.
    "-DENABLE_PRELOAD=1", "-Dpthread_create=rpmalloc_pthread_create",
    "-c", "-o", object, b.src .. "/llvm/lib/Support/rpmalloc/rpmalloc.c",
  }
  return object
end

---@param b bq.Step
function llvm.configure(b)
  local foreign = b.cross and not (b.recipe.runs_itself and b.arch == syscall.uname().machine)
  local definitions = {
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
  }
  if b.recipe.allocator then
    definitions[#definitions + 1] = ("CMAKE_EXE_LINKER_FLAGS=%s %s"):format(b.env.LDFLAGS or "", allocator(b))
  end
  cmake.generate(b, definitions, foreign)
end

return llvm
