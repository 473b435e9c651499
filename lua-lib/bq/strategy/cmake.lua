-- CMake with makefiles, so that every job comes from make's shared jobserver.
local precompile = require "bq.strategy.cmake.precompile"
local tables = require "bq.tables"

local cmake = {
  fields = {
    cmake = "strings", -- definitions without their `-D`: "BUILD_SHARED_LIBS=ON"
    folder = "string", -- of the CMakeLists.txt, if it is not at the top of the source tree
    build_targets = "strings", -- all if absent
    install_targets = "strings", -- such as "install-clang"
    precompile = "table", -- headers that are compiled once, in groups: `bq.Precompiled`
  },
}

--- Runs CMake in the build folder.
---@param b table
---@param definitions string[] those that go before the recipe's own
---@param foreign? boolean whether it must not run what it compiles; as the phase says if absent
---@param b bq.Step
function cmake.generate(b, definitions, foreign)
  if foreign == nil then
    foreign = b.cross
  end
  local argv = { "cmake", "-G", "Unix Makefiles", "-S", b.src .. "/" .. (b.recipe.folder or ".") }
  local all = {
    "CMAKE_BUILD_TYPE=Release",
    "CMAKE_INSTALL_PREFIX=" .. b.prefix,
    "CMAKE_INSTALL_LIBDIR=lib",
    -- Release would add -O3. The phase's CFLAGS choose the optimisation.
    "CMAKE_C_FLAGS_RELEASE=-DNDEBUG",
    "CMAKE_CXX_FLAGS_RELEASE=-DNDEBUG",
    "CMAKE_ASM_FLAGS_RELEASE=-DNDEBUG",
    "CMAKE_SKIP_INSTALL_RPATH=ON",
    -- Packages are found below the prefix only, not by the user's package registry.
    "CMAKE_FIND_USE_PACKAGE_REGISTRY=OFF",
    "CMAKE_FIND_USE_SYSTEM_PACKAGE_REGISTRY=OFF",
  }
  if foreign then
    -- A system name makes it a cross build.
    tables.append(all, { "CMAKE_SYSTEM_NAME=Linux", "CMAKE_SYSTEM_PROCESSOR=" .. b.arch })
  end
  if not b.cross then
    -- This path comes before the folders that CMake derives from PATH, which contain libraries of an earlier phase.
    all[#all + 1] = "CMAKE_PREFIX_PATH=" .. b.prefix
  else
    -- Programs come from the seed, headers and libraries from the sysroot.
    for _, definition in ipairs {
      "CMAKE_FIND_ROOT_PATH=" .. b.sysroot,
      "CMAKE_FIND_ROOT_PATH_MODE_PROGRAM=NEVER",
      "CMAKE_FIND_ROOT_PATH_MODE_LIBRARY=ONLY",
      "CMAKE_FIND_ROOT_PATH_MODE_INCLUDE=ONLY",
      "CMAKE_FIND_ROOT_PATH_MODE_PACKAGE=ONLY",
    } do
      all[#all + 1] = definition
    end
  end
  if b.recipe.precompile then
    all[#all + 1] = precompile.definition(b, b.recipe.precompile)
  end
  tables.append(tables.append(all, definitions), b.recipe.cmake)
  for _, definition in ipairs(all) do
    argv[#argv + 1] = "-D" .. definition
  end
  b:run(argv)
end

---@param b bq.Step
function cmake.configure(b)
  cmake.generate(b, {})
end

---@param b bq.Step
function cmake.build(b)
  b:make(b.recipe.build_targets or {})
end

---@param b bq.Step
function cmake.install(b)
  b:make(b.recipe.install_targets or { "install" }, { env = { DESTDIR = b.dest } })
end

return cmake
