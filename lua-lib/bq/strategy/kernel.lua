-- The kernel as one EFI program without modules. Fragments name all options that are on. The same source gives the same
-- bytes. The kernel's makefiles tell clang the target.
local fail = require "bq.fail"
local tables = require "bq.tables"

local kernel = {
  fields = {
    fragments = "texts", -- files of `CONFIG_NAME=value` lines; together they name all options that are on
    make = "strings", -- more arguments of every make
  },
}

---@param b bq.Step
local function arguments(b, more)
  local argv = { "-C", b.src, "O=" .. b.build, "ARCH=" .. b.kernel_arch, "LLVM=1" }
  for _, list in ipairs { b.recipe.make or {}, more } do
    tables.append(argv, list)
  end
  return argv
end

--- The builder and the time that the kernel reports. They are the same on every machine.
---@param b bq.Step
local function environment(b)
  return {
    KBUILD_BUILD_TIMESTAMP = os.date("!%a %b %e %H:%M:%S UTC %Y", b.epoch),
    KBUILD_BUILD_USER = "bq",
    KBUILD_BUILD_HOST = "bq",
    KBUILD_BUILD_VERSION = "1",
  }
end

---@param b bq.Step
function kernel.configure(b)
  local wanted, lines = {}, {}
  for _, fragment in ipairs(b.recipe.fragments) do
    for line in fragment.text:gmatch "[^\n]+" do
      wanted[#wanted + 1] = line:match "^CONFIG_[%w_]+=.+" and { line = line, file = fragment.name } or nil
      lines[#lines + 1] = line
    end
  end
  local path <const> = b.build .. "/fragments.config"
  b:write(path, table.concat(lines, "\n") .. "\n")
  b:make(arguments(b, { "KCONFIG_ALLCONFIG=" .. path, "allnoconfig" }), { env = environment(b) })
  -- Kconfig silently drops options that it does not know, and options whose dependencies are off.
  local config, lost = "\n" .. b:read(b.build .. "/.config"), {}
  for _, one in ipairs(wanted) do
    if not config:find("\n" .. one.line .. "\n", 1, true) then
      lost[#lost + 1] = ("%s (%s)"):format(one.line, one.file)
    end
  end
  if #lost > 0 then
    fail.raise("the kernel's configuration leaves out what is wanted", { cause = table.concat(lost, ", ") })
  end
end

---@param b bq.Step
function kernel.build(b)
  local image = b:capture({ "make", "-s", table.unpack(arguments(b, { "image_name" })) }, { env = environment(b) })
  b:make(arguments(b, { image:match "[^/]+$" }), { env = environment(b) })
  b:copy(b.build .. "/" .. image, b.build .. "/vmlinuz")
end

---@param b bq.Step
function kernel.install(b)
  b:install(b.build .. "/vmlinuz", "/boot/vmlinuz", "0644")
  b:install(b.build .. "/.config", "/boot/config", "0644")
end

return kernel
