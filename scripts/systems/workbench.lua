-- A machine to work on: a compiler, git, tools. The set `full` has built its own compiler, so headers and archives are in the root.
---@type bq.SystemPage
return {
  name = "workbench",
  set = "full",
  parts = { "run", "dev" },
  bq = true,
  -- stylua: ignore
  packages = {
    "clang", "clang-headers", "compiler-rt", "lld", "llvm", "llvm-runtimes", "musl", "linux-headers", "make", "cmake", "m4", "flex",
    "bison", "zlib", "git", "sqlite", "lua", "fossil",
  },
  motd = "A workbench: cc, c++, make, cmake and git are here.",
  disk = { size = "16G" },
}
