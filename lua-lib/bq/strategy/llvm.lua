-- Parts of LLVM, each configured on its own: CMake, without the python that only its tests and documents would need.
local cmake = require "bq.strategy.cmake"

local llvm = {
  fields = {
    targets = "strings", -- the processors to generate code for, by LLVM's names; the build's own if absent
  },
  build = cmake.build,
  install = cmake.install,
}
for field, kind in pairs(cmake.fields) do
  llvm.fields[field] = kind
end

local NAMES <const> = { x86_64 = "X86", aarch64 = "AArch64" }

--- LLVM's CMake files insist on finding python and then run it for nothing that we build. A module of this name that says
--- "found", and names no program, comes before CMake's own.
local function without_python(b)
  b:write(b.build .. "/modules/FindPython3.cmake", 'set(Python3_FOUND TRUE)\nset(Python3_EXECUTABLE "")\n')
  return "CMAKE_MODULE_PATH=" .. b.build .. "/modules"
end

function llvm.configure(b)
  local targets = b.recipe.targets or { NAMES[b.arch] }
  cmake.generate(b, {
    without_python(b),
    "LLVM_TARGETS_TO_BUILD=" .. table.concat(targets, ";"),
    "LLVM_DEFAULT_TARGET_TRIPLE=" .. b.target,
    "LLVM_HOST_TRIPLE=" .. b.target,
    "LLVM_INCLUDE_TESTS=OFF",
    "LLVM_INCLUDE_DOCS=OFF",
    "LLVM_INCLUDE_EXAMPLES=OFF",
    "LLVM_INCLUDE_BENCHMARKS=OFF",
    "LLVM_APPEND_VC_REV=OFF",
  })
end

return llvm
