-- The compiler's own headers (stddef.h, the intrinsics), of the compiler in use, where the system's compiler will look for
-- them: below its resource folder, to which compiler-rt adds.
---@type bq.RecipeFile
return {
  name = "clang-headers",
  version = "18",
  license = "Apache-2.0 WITH LLVM-exception",
  homepage = "https://clang.llvm.org",
  strategy = "files",
  install = function(b)
    local resources = b:capture { "clang", "--no-default-config", "-print-resource-dir" }
    b:copy(resources .. "/include", ("%s%s/lib/clang/%s/include"):format(b.dest, b.prefix, b.version))
  end,
}
