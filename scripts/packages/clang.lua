-- The C and C++ compiler, linked with LLVM's installed libraries. One configuration file beside it sets its defaults
-- (the linker, the runtimes, the C++ library), so that no recipe has to name them.
local llvm = require "bq.strategy.llvm"
local tables = require "bq.tables"

-- The headers that most sources of a folder include, directly or not.
-- stylua: ignore
local support <const> = {
  "algorithm", "cassert", "memory", "optional", "string", "utility", "vector", "llvm/ADT/APInt.h",
  "llvm/ADT/DenseMap.h", "llvm/ADT/STLExtras.h", "llvm/ADT/SmallPtrSet.h", "llvm/ADT/SmallString.h",
  "llvm/ADT/SmallVector.h", "llvm/ADT/StringExtras.h", "llvm/ADT/StringMap.h", "llvm/ADT/StringSwitch.h",
  "llvm/Option/ArgList.h", "llvm/Support/Error.h", "llvm/Support/FileSystem.h", "llvm/Support/Path.h",
  "llvm/Support/raw_ostream.h",
}
-- stylua: ignore
local basic <const> = {
  "clang/Basic/Diagnostic.h", "clang/Basic/LangOptions.h", "clang/Basic/SourceManager.h", "clang/Basic/TargetInfo.h",
}
-- stylua: ignore
local ast <const> = {
  "clang/AST/ASTConsumer.h", "clang/AST/ASTContext.h", "clang/AST/Attr.h", "clang/AST/Decl.h", "clang/AST/DeclCXX.h",
  "clang/AST/DeclObjC.h", "clang/AST/DeclTemplate.h", "clang/AST/Expr.h", "clang/AST/ExprCXX.h",
  "clang/AST/ExprObjC.h", "clang/AST/RecursiveASTVisitor.h", "clang/AST/StmtVisitor.h", "clang/AST/Type.h",
  "clang/AST/TypeLoc.h", "clang/Basic/Builtins.h", "clang/Lex/Lexer.h", "clang/Lex/Preprocessor.h",
}
-- stylua: ignore
local meaning <const> = {
  "clang/Sema/Initialization.h", "clang/Sema/Lookup.h", "clang/Sema/ParsedAttr.h", "clang/Sema/Scope.h",
  "clang/Sema/ScopeInfo.h", "clang/Sema/Sema.h", "clang/Sema/Template.h",
}
-- stylua: ignore
local ir <const> = {
  "llvm/IR/DataLayout.h", "llvm/IR/IRBuilder.h", "llvm/IR/Instructions.h", "llvm/IR/Intrinsics.h",
  "llvm/IR/Module.h",
}
local function joined(...)
  local all = {}
  for _, list in ipairs { ... } do
    tables.append(all, list)
  end
  return all
end
local generated <const> = { "clang-tablegen-targets" }
-- stylua: ignore
---@type bq.Precompiled[]
local precompile <const> = {
  { headers = joined(support, basic, ast, ir), after = generated, folders = { "lib/CodeGen" } },
  { headers = joined(support, basic, ast, meaning), after = generated, folders = {
    "lib/Parse", "lib/Sema", "lib/Serialization",
  } },
  { headers = joined(support, basic, ast), after = generated, folders = {
    "lib/AST", "lib/ASTMatchers", "lib/Analysis", "lib/CrossTU", "lib/Edit", "lib/ExtractAPI", "lib/Index",
    "lib/InstallAPI", "lib/Interpreter", "lib/Rewrite", "lib/Tooling",
  } },
  -- A source of `lib/Frontend` has a name of its own for what the headers of `lib/AST` name.
  { headers = joined(support, basic), after = generated, folders = {
    "lib/Basic", "lib/Driver", "lib/Frontend", "lib/FrontendTool", "lib/Lex",
  } },
  { headers = support, folders = { "utils/TableGen" } },
}

local defaults <const> = [[
--rtlib=compiler-rt
--unwindlib=libunwind
-stdlib=libc++
-fuse-ld=lld
]]
-- The sysroot's compiler builds the system. It uses the headers and libraries of the root, not those beside it.
local building <const> = defaults .. [[
-resource-dir=/usr/lib/clang/%s
-stdlib++-isystem/usr/include/c++/v1
]]

local options <const> = {
  "CLANG_ENABLE_STATIC_ANALYZER=OFF",
  "CLANG_BUILD_EXAMPLES=OFF",
  "CLANG_INCLUDE_DOCS=OFF",
  "CLANG_INCLUDE_TESTS=OFF",
  "CLANG_PLUGIN_SUPPORT=OFF",
  "CLANG_LINKS_TO_CREATE=clang++;clang-cpp",
}

---@type bq.RecipeFile
return {
  name = "clang",
  version = "22.1.8",
  license = "Apache-2.0 WITH LLVM-exception",
  homepage = "https://clang.llvm.org",
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
    "cmake", "clang/CMakeLists.txt", "clang/LICENSE.TXT", "clang/cmake", "clang/examples", "clang/include", "clang/lib",
    "clang/runtime", "clang/tools", "clang/utils", "llvm/lib/Support/rpmalloc",
  },
  strategy = "llvm",
  depends = { "llvm" },
  uses = { "musl", "llvm-runtimes", "linux-headers" },
  folder = "clang",
  runs_itself = true,
  allocator = true,
  precompile = precompile,
  env = { CFLAGS = "-O2 -fno-pie", CXXFLAGS = "-O2 -fno-pie", LDFLAGS = "-static" },
  build_targets = { "distribution" },
  install_targets = { "install-distribution" },
  cmake = joined(options, {
    "LLVM_DIR={prefix}/lib/cmake/llvm",
    "LLVM_DISTRIBUTION_COMPONENTS=clang",
    "CLANG_CONFIG_FILE_SYSTEM_DIR=/etc/clang",
  }),
  install = function(b)
    llvm.install(b)
    b:write(b.dest .. "/etc/clang/clang.cfg", defaults)
    b:symlink("clang.cfg", b.dest .. "/etc/clang/clang++.cfg")
    b:symlink("clang", b.dest .. b.prefix .. "/bin/cc")
    b:symlink("clang++", b.dest .. b.prefix .. "/bin/c++")
    b:symlink("clang-cpp", b.dest .. b.prefix .. "/bin/cpp")
  end,
  phases = {
    sysroot = {
      cmake = joined(options, {
        "CMAKE_INSTALL_PREFIX={prefix}/llvm",
        "LLVM_DIR={prefix}/llvm/lib/cmake/llvm",
        "LLVM_DISTRIBUTION_COMPONENTS=clang;clang-resource-headers",
        "CLANG_CONFIG_FILE_SYSTEM_DIR={prefix}/etc/clang",
      }),
      install = function(b)
        llvm.install(b)
        b:write(b.dest .. b.prefix .. "/etc/clang/clang.cfg", building:format(b.version:match "^%d+"))
        b:symlink("clang.cfg", b.dest .. b.prefix .. "/etc/clang/clang++.cfg")
      end,
    },
  },
}
