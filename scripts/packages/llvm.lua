-- LLVM's libraries for clang and lld, and its tools for objects and archives, which are one program with many names.
-- Other parts are not built.
-- stylua: ignore
local libraries <const> = {
  "AggressiveInstCombine", "Analysis", "AsmParser", "AsmPrinter", "BinaryFormat", "BitReader", "BitWriter",
  "BitstreamReader", "CFGuard", "CGData", "CodeGen", "CodeGenTypes", "Core", "Coroutines", "Coverage", "DTLTO",
  "DebugInfoBTF", "DebugInfoCodeView", "DebugInfoDWARF", "DebugInfoDWARFLowLevel", "DebugInfoGSYM", "DebugInfoMSF",
  "DebugInfoPDB", "Demangle", "DlltoolDriver", "Extensions", "FrontendAtomic", "FrontendDirective", "FrontendDriver",
  "FrontendHLSL", "FrontendOffloading", "FrontendOpenMP", "GlobalISel", "HipStdPar", "IRPrinter", "IRReader",
  "InstCombine", "Instrumentation", "LTO", "LibDriver", "Linker", "MC", "MCDisassembler", "MCParser", "ObjCARCOpts",
  "ObjCopy", "Object", "ObjectYAML", "Option", "Passes", "Plugins", "ProfileData", "Remarks", "SandboxIR", "ScalarOpts",
  "SelectionDAG", "Support", "Symbolize", "TableGen", "Target", "TargetParser", "TextAPI", "TextAPIBinaryReader",
  "TransformUtils", "Vectorize", "WindowsDriver", "WindowsManifest", "ipo",
}
-- The libraries of each processor.
---@type table<string, string[]>
local processors <const> = {
  X86 = { "AsmParser", "CodeGen", "Desc", "Disassembler", "Info" },
  AArch64 = { "AsmParser", "CodeGen", "Desc", "Disassembler", "Info", "Utils" },
}
-- Parts of the one program, and llvm-profdata, which is a program of its own.
-- stylua: ignore
local tools <const> = {
  "llvm-ar", "llvm-cxxfilt", "llvm-nm", "llvm-objcopy", "llvm-objdump", "llvm-profdata", "llvm-readobj", "llvm-size",
  "llvm-symbolizer",
}
-- The names that makefiles use.
local links <const> = { "addr2line", "ar", "nm", "objcopy", "objdump", "ranlib", "readelf", "size", "strip" }
local llvm = require "bq.strategy.llvm"
local tables = require "bq.tables"

-- The headers that most sources of a folder include, directly or not.
-- stylua: ignore
local support <const> = {
  "algorithm", "array", "cassert", "cstdint", "functional", "map", "memory", "optional", "set", "string", "system_error",
  "tuple", "utility", "vector", "llvm/ADT/APInt.h", "llvm/ADT/DenseMap.h", "llvm/ADT/STLExtras.h",
  "llvm/ADT/SmallPtrSet.h", "llvm/ADT/SmallString.h", "llvm/ADT/SmallVector.h", "llvm/ADT/StringExtras.h",
  "llvm/ADT/StringMap.h", "llvm/ADT/StringSwitch.h", "llvm/ADT/Twine.h", "llvm/Support/CommandLine.h",
  "llvm/Support/Debug.h", "llvm/Support/Error.h", "llvm/Support/FormatVariadic.h", "llvm/Support/MathExtras.h",
  "llvm/Support/MemoryBuffer.h", "llvm/Support/raw_ostream.h",
}
-- stylua: ignore
local object <const> = {
  "llvm/MC/MCContext.h", "llvm/MC/MCExpr.h", "llvm/MC/MCInst.h", "llvm/MC/MCStreamer.h", "llvm/MC/MCSubtargetInfo.h",
  "llvm/Object/Archive.h", "llvm/Object/COFF.h", "llvm/Object/ELFObjectFile.h", "llvm/Object/MachO.h",
  "llvm/Object/ObjectFile.h",
}
-- stylua: ignore
local ir <const> = {
  "llvm/Analysis/AliasAnalysis.h", "llvm/Analysis/AssumptionCache.h", "llvm/Analysis/LoopInfo.h",
  "llvm/Analysis/OptimizationRemarkEmitter.h", "llvm/Analysis/ScalarEvolution.h",
  "llvm/Analysis/TargetLibraryInfo.h", "llvm/Analysis/TargetTransformInfo.h", "llvm/Analysis/ValueTracking.h",
  "llvm/IR/DataLayout.h", "llvm/IR/DebugInfo.h", "llvm/IR/Dominators.h", "llvm/IR/IRBuilder.h",
  "llvm/IR/InstIterator.h", "llvm/IR/IntrinsicInst.h", "llvm/IR/Module.h", "llvm/IR/Operator.h",
  "llvm/IR/PassManager.h", "llvm/IR/PatternMatch.h", "llvm/InitializePasses.h", "llvm/Pass.h",
}
-- stylua: ignore
local code <const> = {
  "llvm/CodeGen/MachineDominators.h", "llvm/CodeGen/MachineFrameInfo.h", "llvm/CodeGen/MachineFunctionPass.h",
  "llvm/CodeGen/MachineInstrBuilder.h", "llvm/CodeGen/MachineLoopInfo.h", "llvm/CodeGen/MachineModuleInfo.h",
  "llvm/CodeGen/MachineRegisterInfo.h", "llvm/CodeGen/SelectionDAG.h", "llvm/CodeGen/TargetInstrInfo.h",
  "llvm/CodeGen/TargetLowering.h", "llvm/CodeGen/TargetPassConfig.h", "llvm/CodeGen/TargetRegisterInfo.h",
  "llvm/CodeGen/TargetSubtargetInfo.h", "llvm/MC/MCContext.h", "llvm/MC/MCStreamer.h",
  "llvm/Target/TargetMachine.h",
}
local function joined(...)
  local all = {}
  for _, list in ipairs { ... } do
    tables.append(all, list)
  end
  return all
end
local generated <const> = { "analysis_gen", "intrinsics_gen", "target_parser_gen", "vt_gen" }
-- stylua: ignore
---@type bq.Precompiled[]
local precompile <const> = {
  { headers = joined(support, ir, code), after = generated, folders = {
    "lib/CodeGen", "lib/Target/X86", "lib/Target/AArch64",
  } },
  { headers = joined(support, ir), after = generated, folders = {
    "lib/Analysis", "lib/AsmParser", "lib/Bitcode", "lib/CGData", "lib/Frontend", "lib/IR", "lib/IRPrinter",
    "lib/IRReader", "lib/LTO", "lib/Linker", "lib/Passes", "lib/SandboxIR", "lib/Target", "lib/Transforms",
  } },
  { headers = joined(support, object), folders = {
    "lib/DWARFLinker", "lib/DebugInfo", "lib/MC", "lib/ObjCopy", "lib/Object", "lib/ObjectYAML", "lib/ProfileData",
  } },
  { headers = support, folders = {
    "lib/BinaryFormat", "lib/Option", "lib/Remarks", "lib/Support", "lib/TableGen", "lib/TargetParser",
    "lib/TextAPI", "utils/TableGen",
  } },
}

---@type bq.RecipeFile
return {
  name = "llvm",
  version = "22.1.8",
  license = "Apache-2.0 WITH LLVM-exception",
  homepage = "https://llvm.org",
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
    "cmake", "llvm/CMakeLists.txt", "llvm/LICENSE.TXT", "llvm/cmake", "llvm/include", "llvm/lib", "llvm/projects",
    "llvm/tools", "llvm/utils/TableGen", "third-party/siphash",
  },
  strategy = "llvm",
  uses = { "musl", "llvm-runtimes", "linux-headers" },
  folder = "llvm",
  runs_itself = true,
  allocator = true,
  precompile = precompile,
  -- Static, and without position independence: it starts and runs faster.
  env = { CFLAGS = "-O2 -fno-pie", CXXFLAGS = "-O2 -fno-pie", LDFLAGS = "-static" },
  -- What clang includes of OpenACC is generated for a library that it does not need.
  build_targets = { "acc_gen", "distribution" },
  install_targets = { "install-distribution" },
  -- Without its other utilities, the installed CMake files do not name the test program that the build tree would have.
  cmake = { "LLVM_ENABLE_PIC=OFF", "LLVM_TOOL_LLVM_DRIVER_BUILD=ON", "LLVM_BUILD_UTILS=OFF" },
  configure = function(b)
    local components = { "llvm-headers", "cmake-exports", "llvm-tblgen", "llvm-driver" }
    for _, name in ipairs(libraries) do
      components[#components + 1] = "LLVM" .. name
    end
    for _, processor in ipairs(llvm.targets(b)) do
      for _, part in ipairs(processors[processor]) do
        components[#components + 1] = "LLVM" .. processor .. part
      end
    end
    table.move(tools, 1, #tools, #components + 1, components)
    table.insert(b.recipe.cmake, "LLVM_DISTRIBUTION_COMPONENTS=" .. table.concat(components, ";"))
    llvm.configure(b)
  end,
  install = function(b)
    llvm.install(b)
    for _, name in ipairs(links) do
      b:symlink("llvm", ("%s%s/bin/%s"):format(b.dest, b.prefix, name))
    end
  end,
  -- For clang and lld, which are linked against it.
  leave_out = { "/usr/bin/llvm-tblgen", "/usr/include", "/usr/lib" },
  phases = {
    -- The libraries are in a separate folder. A compiler first searches the libraries beside it, and the libraries of
    -- this phase must not come before the system's.
    sysroot = {
      -- It compiles for every processor that bq knows.
      targets = { "X86", "AArch64" },
      cmake = {
        "LLVM_ENABLE_PIC=OFF",
        "LLVM_TOOL_LLVM_DRIVER_BUILD=ON",
        "LLVM_BUILD_UTILS=OFF",
        "CMAKE_INSTALL_PREFIX={prefix}/llvm",
      },
      install = llvm.install,
    },
  },
}
