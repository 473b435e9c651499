-- `configure && make && make install`, outside of the source tree. For a cross build, the build machine gets another
-- triple, so that configure does not run the programs that it compiles.
local tables = require "bq.tables"

local autotools = {
  fields = {
    configure = "strings", -- more options of configure
    make = "strings", -- arguments of every make
    install_targets = "strings",
    autoreconf = "boolean", -- configure is made first: its source has none, or one of other tools
    in_tree = "boolean", -- for a configure that cannot work in another folder
    gnu = "boolean", -- false for a configure that was written by hand and knows few options besides `--prefix`
  },
}

---@param b bq.Step
local function folder(b)
  return b.recipe.in_tree and b.src or b.build
end

---@param b bq.Step
function autotools.configure(b)
  if b.recipe.autoreconf then
    b:run({ "autoreconf", "--force", "--install" }, { cwd = b.src })
  end
  local argv = { b.src .. "/configure", "--prefix=" .. b.prefix }
  if b.recipe.gnu ~= false then
    argv[#argv + 1] = "--host=" .. b.target
    argv[#argv + 1] = "--build=" .. (b.cross and b.arch .. "-pc-linux-gnu" or b.target)
    if b.prefix == "/usr" then
      tables.append(argv, { "--sysconfdir=/etc", "--localstatedir=/var" })
    end
  end
  b:run(tables.append(argv, b.recipe.configure), { cwd = folder(b) })
end

---@param b bq.Step
local function call(b, more)
  b:make(tables.append(tables.copy(b.recipe.make), more), { cwd = folder(b) })
end

---@param b bq.Step
function autotools.build(b)
  call(b, {})
end

---@param b bq.Step
function autotools.check(b)
  call(b, { "check" })
end

---@param b bq.Step
function autotools.install(b)
  call(b, tables.append({ "DESTDIR=" .. b.dest }, b.recipe.install_targets or { "install" }))
end

return autotools
