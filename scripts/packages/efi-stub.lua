-- The program that carries a kernel, its command line and its first root in one EFI file. It is our own: so no kernel is
-- built again for another command line, and no program of others is in the image.
---@type bq.RecipeFile
return {
  name = "efi-stub",
  version = "1",
  license = "MIT",
  strategy = "efi",
  code = { "stub.c" },
  program = "/boot/stub.efi",
}
