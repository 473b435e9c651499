-- The seed's clang, configured for our target by one configuration file. Our resource folder replaces its
-- own. It contains clang's headers and the compiler-rt that we build, so nothing of the seed is linked.
local config <const> = "/opt/sysroot/etc/clang.cfg"
local wrappers <const> = "/opt/sysroot/libexec/seed"
local tools <const> = {
  "clang",
  "clang++",
  "ld.lld",
  "llvm-ar",
  "llvm-ranlib",
  "llvm-nm",
  "llvm-objcopy",
  "llvm-objdump",
  "llvm-readelf",
  "llvm-strip",
}

-- Packages that need the unwinder (libc++) name it, since C programs are built before it. GCC's files are never used.
local common <const> = [[
--target={target}
-resource-dir={sysroot}/lib/clang/bq
--gcc-toolchain={sysroot}
--rtlib=compiler-rt
--unwindlib=none
-stdlib=libc++
-fuse-ld=lld
]]

-- The oldest release that compiles LLVM's C++ library. 16 and 14 do not.
local OLDEST <const> = 19

local function output(b, argv)
  return (b:capture(argv):gsub("%s+$", ""))
end

--- A file of the seed, its links followed as if the seed were `/`.
local function in_seed(b, path)
  local link = b:readlink("/opt/seed" .. path)
  while link do
    path = link:find "^/" and link or path:match "^(.*)/" .. "/" .. link
    link = b:readlink("/opt/seed" .. path)
  end
  return b:stat("/opt/seed" .. path) and b:realpath("/opt/seed" .. path)
end

--- The folders of the seed that have libraries, for its loader.
local function libraries(b, program)
  local found = { b:realpath(program:match "^(.*)/bin/" .. "/lib") }
  for _, folder in ipairs { "/opt/seed/usr/lib", "/opt/seed/lib" } do
    for _, name in ipairs(b:list(folder)) do
      if name:find "%-linux%-" then
        found[#found + 1] = folder .. "/" .. name
      end
    end
    found[#found + 1] = folder
  end
  return table.concat(found, ":")
end

---@type bq.RecipeFile
return {
  name = "seed-clang",
  version = "1",
  license = "MIT",
  strategy = "files",
  -- Clang looks for libc++'s headers in `usr` below its sysroot; ours has no such folder.
  files = { [config] = "--sysroot={sysroot}\n-stdlib++-isystem{sysroot}/include/c++/v1\n" .. common },
  phases = {
    sysroot = {
      install = function(b)
        local release = output(b, { "clang", "-dumpversion" })
        if (tonumber(release:match "^%d+") or 0) < OLDEST then
          error(("the seed's clang is %s, and LLVM's C++ library needs %d or newer"):format(release, OLDEST), 0)
        end
        require("bq.strategy.files").install(b)
        local resources = output(b, { "clang", "-print-resource-dir" })
        b:copy(b:realpath(resources .. "/include"), b.dest .. "/opt/sysroot/lib/clang/bq/include")
        for _, name in ipairs { "clang", "clang++" } do
          local program = output(b, { "sh", "-c", "command -v " .. name })
          local text = ('#!/bin/sh\nexec %s --config %s "$@"\n'):format(program, config)
          b:write(("%s/opt/sysroot/bin/%s-%s"):format(b.dest, b.target, name), text, "0755")
        end
      end,
    },
    -- The seed's tree is at /opt/seed. Wrappers start its programs with its own loader, and pass the name of the
    -- wrapper. By this name clang starts itself again (`-cc1`) and finds the linker beside it.
    system = {
      seed_at = "/opt/seed",
      -- It has the same path as the compiler of the earlier phases, since all packages use this path.
      may_name = { "/opt/sysroot" },
      -- The C++ library comes from the sysroot: its headers, and its archives in a separate folder. Everything else
      -- comes from the system.
      files = { [config] = common .. "-stdlib++-isystem{sysroot}/include/c++/v1\n-L{sysroot}/lib/c++\n" },
      install = function(b)
        require("bq.strategy.files").install(b)
        for _, name in ipairs { "libc++.a", "libc++abi.a", "libunwind.a" } do
          b:symlink("../" .. name, b.dest .. b.sysroot .. "/lib/c++/" .. name)
        end
        for _, name in ipairs(tools) do
          local program = assert(in_seed(b, "/usr/bin/" .. name), "the seed has no " .. name)
          local loader = b:read(program):sub(1, 4096):match "/lib%d*/ld%-[%w_.-]+"
          -- Here an absolute link would lead outside of the seed.
          local found = loader and (b:stat("/opt/seed" .. loader) and "/opt/seed" .. loader or in_seed(b, loader))
          local start = found
              and ("%s --argv0 %s/%s --library-path %s "):format(found, wrappers, name, libraries(b, program))
            or ""
          local options = name:find "^clang"
              and ('case $1 in -cc1*) ;; *) set -- --config %s -no-canonical-prefixes "$@" ;; esac\n'):format(config)
            or ""
          b:write(
            b.dest .. wrappers .. "/" .. name,
            ('#!/bin/sh\n%sexec %s%s "$@"\n'):format(options, start, program),
            "0755"
          )
          b:symlink("../libexec/seed/" .. name, b.dest .. "/opt/sysroot/bin/" .. name)
        end
      end,
    },
  },
}
