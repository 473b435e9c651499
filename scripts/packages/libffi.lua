-- Calls to functions whose types are known only when the program runs.

-- The results that configure would find with clang and musl, for our two architectures.
local config <const> = [[
#define EH_FRAME_FLAGS "a"
#define FFI_EXEC_STATIC_TRAMP 1
#define HAVE_ALLOCA_H 1
#define HAVE_AS_CFI_PSEUDO_OP 1
#define HAVE_AS_X86_64_UNWIND_SECTION_TYPE 1
#define HAVE_AS_X86_PCREL 1
#define HAVE_HIDDEN_VISIBILITY_ATTRIBUTE 1
#define HAVE_INT128 1
#define HAVE_LONG_DOUBLE 1
#define HAVE_MEMCPY 1
#define HAVE_MEMFD_CREATE 1
#define HAVE_RO_EH_FRAME 1
#define STDC_HEADERS 1
#ifdef LIBFFI_ASM
#define FFI_HIDDEN(name) .hidden name
#else
#define FFI_HIDDEN __attribute__((visibility("hidden")))
#endif
]]

local common <const> = { "prep_cif.c", "types.c", "raw_api.c", "java_raw_api.c", "closures.c", "tramp.c" }
local machines <const> = {
  x86_64 = { target = "X86_64", folder = "x86", "x86/ffi64.c", "x86/unix64.S", "x86/ffiw64.c", "x86/win64.S" },
  aarch64 = { target = "AARCH64", folder = "aarch64", "aarch64/ffi.c", "aarch64/sysv.S" },
}

---@type bq.RecipeFile
return {
  name = "libffi",
  version = "3.8.0",
  license = "MIT",
  homepage = "https://sourceware.org/libffi/",
  source = {
    { url = "https://github.com/libffi/libffi/releases/download/v{version}/libffi-{version}.tar.gz" },
    {
      debian = "libffi_3.8.0.orig.tar.gz",
      sha256 = "bf40d752d8f5fd4505bcd1c7d4208ea87fd12c91f087e359651c776748352dc0",
    },
  },
  -- Debian's archive is the release's tag, which has no configure script, and autoconf would need perl. So this recipe
  -- compiles the ten files itself.
  strategy = "files",
  uses = { "musl", "linux-headers" },
  configure = function(b)
    local machine = machines[b.arch]
    local values = { VERSION = b.version, TARGET = machine.target, HAVE_LONG_DOUBLE = 1, FFI_EXEC_TRAMPOLINE_TABLE = 0 }
    values.FFI_VERSION_STRING = b.version
    values.FFI_VERSION_NUMBER = ("%d%02d%02d"):format(b.version:match "(%d+)%.(%d+)%.(%d+)")
    b:write(b.build .. "/ffi.h", (b:read(b.src .. "/include/ffi.h.in"):gsub("@([%u_]+)@", values)))
    b:write(b.build .. "/fficonfig.h", config)
  end,
  build = function(b)
    local machine = machines[b.arch]
    local link = { b.env.CC, "-shared", "-Wl,-soname,libffi.so.8", "-o", "libffi.so.8" }
    local includes =
      { "-I.", "-I" .. b.src .. "/include", "-I" .. b.src .. "/src/" .. machine.folder, "-I" .. b.src .. "/src" }
    for _, list in ipairs { common, machine } do
      for _, file in ipairs(list) do
        local object = file:gsub("/", "-") .. ".o"
        local argv =
          { b.env.CC, "-fPIC", "-fexceptions", "-DHAVE_CONFIG_H", "-c", b.src .. "/src/" .. file, "-o", object }
        for flag in b.env.CFLAGS:gmatch "%S+" do
          argv[#argv + 1] = flag
        end
        b:run(table.move(includes, 1, #includes, #argv + 1, argv))
        link[#link + 1] = object
      end
    end
    b:run(link)
  end,
  install = function(b)
    b:install(b.build .. "/libffi.so.8", b.prefix .. "/lib/libffi.so.8")
    b:symlink("libffi.so.8", b.dest .. b.prefix .. "/lib/libffi.so")
    b:install(b.build .. "/ffi.h", b.prefix .. "/include/ffi.h", "0644")
    b:install(
      ("%s/src/%s/ffitarget.h"):format(b.src, machines[b.arch].folder),
      b.prefix .. "/include/ffitarget.h",
      "0644"
    )
    local values = { PACKAGE_NAME = "libffi", PACKAGE_VERSION = b.version, prefix = b.prefix, exec_prefix = b.prefix }
    values.libdir, values.toolexeclibdir, values.includedir =
      b.prefix .. "/lib", b.prefix .. "/lib", b.prefix .. "/include"
    local text = b:read(b.src .. "/libffi.pc.in"):gsub("@([%w_]+)@", values)
    b:write(b.dest .. b.prefix .. "/lib/pkgconfig/libffi.pc", text)
  end,
}
