-- The kernel's headers for programs, made by its `make headers`. They are copied without rsync.
local fs = require "bq.fs"
local tables = require "bq.tables"

local linux_headers = { fields = { make = "strings" } }

---@param b bq.Step
function linux_headers.build(b)
  local args = { "-C", b.src, "O=" .. b.build, "ARCH=" .. b.kernel_arch, "LLVM=1" }
  args[#args + 1] = "HOSTCC=" .. b.env.HOSTCC
  tables.append(args, b.recipe.make)
  args[#args + 1] = "headers"
  b:make(args)
end

---@param b bq.Step
function linux_headers.install(b)
  local from <const> = b.build .. "/usr/include"
  for _, entry in ipairs(fs.walk(from)) do
    if entry.type == "file" and entry.path:find "%.h$" then
      b:install(from .. "/" .. entry.path, b.prefix .. "/include/" .. entry.path, "0644")
    end
  end
end

return linux_headers
