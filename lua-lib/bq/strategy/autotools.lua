-- `configure && make && make install`, out of the source tree. Cross builds are told by a build machine of another name,
-- so that configure does not run what it compiles.
local autotools = {
  fields = {
    configure = "strings", -- more options of configure
    make = "strings", -- arguments of every make
    install_targets = "strings",
    in_tree = "boolean", -- for a configure that cannot work in another folder
    gnu = "boolean", -- false for a configure by hand, which knows `--prefix` and little else
  },
}

local function folder(b)
  return b.recipe.in_tree and b.src or b.build
end

function autotools.configure(b)
  local argv = { b.src .. "/configure", "--prefix=" .. b.prefix }
  if b.recipe.gnu ~= false then
    argv[#argv + 1] = "--host=" .. b.target
    argv[#argv + 1] = "--build=" .. (b.cross and b.arch .. "-pc-linux-gnu" or b.target)
    if b.prefix == "/usr" then
      table.move({ "--sysconfdir=/etc", "--localstatedir=/var" }, 1, 2, #argv + 1, argv)
    end
  end
  local options = b.recipe.configure or {}
  table.move(options, 1, #options, #argv + 1, argv)
  b:run(argv, { cwd = folder(b) })
end

local function call(b, more)
  local args = table.move(b.recipe.make or {}, 1, #(b.recipe.make or {}), 1, {})
  b:make(table.move(more, 1, #more, #args + 1, args), { cwd = folder(b) })
end

function autotools.build(b)
  call(b, {})
end

function autotools.check(b)
  call(b, { "check" })
end

function autotools.install(b)
  local targets = b.recipe.install_targets or { "install" }
  call(b, table.move(targets, 1, #targets, 2, { "DESTDIR=" .. b.dest }))
end

return autotools
