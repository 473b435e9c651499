-- An EFI program of C files that need no library: compiled for the firmware's own calling convention and linked as PE.
local efi = {
  fields = {
    code = "texts", -- C files beside the recipe
    program = "string", -- where it is installed
  },
}

-- No red zone: firmware's interrupts use the stack of a program. No time in the file: it gets a digest instead.
-- stylua: ignore
local COMPILE <const> = {
  "-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-ffreestanding", "-fshort-wchar", "-fno-stack-protector",
  "-mno-stack-arg-probe", "-fno-ident",
}
local LINK <const> = { "/subsystem:efi_application", "/entry:efi_main", "/nodefaultlib", "/brepro" }

---@param b bq.Step
function efi.build(b)
  local objects = {}
  for index, file in ipairs(b.recipe.code) do
    local path = b.build .. "/" .. file.name
    b:write(path, file.text)
    objects[index] = path .. ".obj"
    local argv = { b.env.CC, ("--target=%s-unknown-windows"):format(b.arch) }
    table.move(COMPILE, 1, #COMPILE, #argv + 1, argv)
    argv[#argv + 1] = b.arch == "x86_64" and "-mno-red-zone" or nil
    table.move({ "-c", path, "-o", objects[index] }, 1, 4, #argv + 1, argv)
    b:run(argv)
  end
  local argv = { "lld-link" }
  table.move(LINK, 1, #LINK, #argv + 1, argv)
  argv[#argv + 1] = ("/out:%s/program.efi"):format(b.build)
  table.move(objects, 1, #objects, #argv + 1, argv)
  b:run(argv)
end

---@param b bq.Step
function efi.install(b)
  b:install(b.build .. "/program.efi", b.recipe.program, "0644")
end

return efi
