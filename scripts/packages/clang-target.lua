-- The compiler of this machine compiles for the architecture of the plan. A compiler reads the file with the name of its own target
-- besides `clang.cfg`, so that file says which one is meant.
--   clang.llvm.org/docs/UsersManual.html#configuration-files
local architectures <const> = { "aarch64", "x86_64" }

---@type bq.RecipeFile
return {
  name = "clang-target",
  version = "1",
  license = "MIT",
  strategy = "files",
  install = function(b)
    for _, machine in ipairs(architectures) do
      if machine ~= b.arch then
        local own = b.target:gsub("^" .. b.arch, machine)
        b:write(("%s%s/etc/clang/%s.cfg"):format(b.dest, b.prefix, own), ("--target=%s\n"):format(b.target))
      end
    end
  end,
}
