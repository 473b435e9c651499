-- A Makefile without a configure script: built in the source tree, installed into DESTDIR.
local tables = require "bq.tables"

local make = {
  fields = {
    make = "strings", -- arguments of every call
    build_targets = "strings", -- an empty list builds nothing
    install_targets = "strings",
  },
}

---@param b bq.Step
local function call(b, targets, more)
  local args = {}
  for _, list in ipairs { b.recipe.make or {}, more, targets } do
    tables.append(args, list)
  end
  b:make(args, { cwd = b.src })
end

---@param b bq.Step
function make.build(b)
  local targets = b.recipe.build_targets
  if not targets or #targets > 0 then
    call(b, targets or {}, {})
  end
end

---@param b bq.Step
function make.install(b)
  call(b, b.recipe.install_targets or { "install" }, { "DESTDIR=" .. b.dest })
end

return make
