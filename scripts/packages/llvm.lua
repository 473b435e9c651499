-- LLVM's libraries for clang and lld, and its tools for objects and archives, which are one program with many names.
-- Other parts are not built.
-- stylua: ignore
local libraries <const> = {
  "AggressiveInstCombine", "Analysis", "AsmParser", "AsmPrinter", "BinaryFormat", "BitReader", "BitWriter",
  "BitstreamReader", "CFGuard", "CodeGen", "CodeGenTypes", "Core", "Coroutines", "Coverage", "DebugInfoBTF",
  "DebugInfoCodeView", "DebugInfoDWARF", "DebugInfoMSF", "DebugInfoPDB", "Debuginfod", "Demangle", "DlltoolDriver",
  "Extensions", "FrontendDriver", "FrontendHLSL", "FrontendOffloading", "FrontendOpenMP", "GlobalISel", "HipStdPar",
  "IRPrinter", "IRReader", "InstCombine", "Instrumentation", "LTO", "LibDriver", "Linker", "MC", "MCDisassembler",
  "MCParser", "ObjCARCOpts", "ObjCopy", "Object", "Option", "Passes", "ProfileData", "Remarks", "ScalarOpts",
  "SelectionDAG", "Support", "Symbolize", "TableGen", "TableGenGlobalISel", "Target", "TargetParser", "TextAPI",
  "TransformUtils", "Vectorize", "WindowsDriver", "WindowsManifest", "ipo",
}
-- The components of each processor.
local backend <const> = { "AsmParser", "CodeGen", "Desc", "Disassembler", "Info" }
local processors <const> = { x86_64 = { "X86" }, aarch64 = { "AArch64", "AArch64Utils" } }
-- Each is a part of the one program.
-- stylua: ignore
local tools <const> = {
  "llvm-ar", "llvm-cxxfilt", "llvm-nm", "llvm-objcopy", "llvm-objdump", "llvm-profdata", "llvm-readobj", "llvm-size",
  "llvm-symbolizer",
}
-- The names that makefiles use.
local links <const> = { "addr2line", "ar", "nm", "objcopy", "objdump", "ranlib", "readelf", "size", "strip" }
local llvm = require "bq.strategy.llvm"

---@type bq.RecipeFile
return {
  name = "llvm",
  version = "18.1.8",
  license = "Apache-2.0 WITH LLVM-exception",
  homepage = "https://llvm.org",
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
  -- stylua: ignore
  include = {
    "cmake", "third-party", "llvm/CMakeLists.txt", "llvm/LICENSE.TXT", "llvm/llvm.spec.in", "llvm/cmake", "llvm/include", "llvm/lib",
    "llvm/projects", "llvm/resources", "llvm/tools", "llvm/utils/TableGen", "llvm/utils/llvm-lit",
  },
  strategy = "llvm",
  uses = { "musl", "llvm-runtimes", "linux-headers" },
  folder = "llvm",
  runs_itself = true,
  -- Static, and without position independence: it starts and runs faster.
  env = { CFLAGS = "-O2 -fno-pie", CXXFLAGS = "-O2 -fno-pie", LDFLAGS = "-static" },
  build_targets = { "distribution" },
  install_targets = { "install-distribution" },
  cmake = { "LLVM_ENABLE_PIC=OFF", "LLVM_TOOL_LLVM_DRIVER_BUILD=ON" },
  configure = function(b)
    local components = { "llvm-headers", "cmake-exports", "llvm-tblgen", "llvm-driver" }
    for _, name in ipairs(libraries) do
      components[#components + 1] = "LLVM" .. name
    end
    local prefix = processors[b.arch][1]
    for _, name in ipairs(backend) do
      components[#components + 1] = "LLVM" .. prefix .. name
    end
    components[#components + 1] = processors[b.arch][2] and "LLVM" .. processors[b.arch][2]
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
      cmake = { "LLVM_ENABLE_PIC=OFF", "LLVM_TOOL_LLVM_DRIVER_BUILD=ON", "CMAKE_INSTALL_PREFIX={prefix}/llvm" },
      install = llvm.install,
    },
  },
}
