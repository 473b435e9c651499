-- The headers of the compiler in use (stddef.h, intrinsics). They go to the resource folder in which the system's
-- compiler looks for them. compiler-rt adds its files to the same folder.
---@type bq.RecipeFile
return {
  name = "clang-headers",
  version = "22.1.8",
  license = "Apache-2.0 WITH LLVM-exception",
  homepage = "https://clang.llvm.org",
  strategy = "files",
  install = function(b)
    local resources = b:capture { "clang", "--no-default-config", "-print-resource-dir" }
    b:copy(resources .. "/include", ("%s%s/lib/clang/%s/include"):format(b.dest, b.prefix, b.version:match "^%d+"))
  end,
}
