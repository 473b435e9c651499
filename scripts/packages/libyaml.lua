-- Reading and writing YAML.
local sources <const> = { "api", "dumper", "emitter", "loader", "parser", "reader", "scanner", "writer" }

---@type bq.RecipeFile
return {
  name = "libyaml",
  version = "0.2.5",
  license = "MIT",
  homepage = "https://pyyaml.org/wiki/LibYAML",
  source = {
    {
      url = "https://pyyaml.org/download/libyaml/yaml-{version}.tar.gz",
      sha256 = "c642ae9b75fee120b2d96c712538bd2cf283228d2337df2cf2988e3c02678ef4",
      pinned = "0.2.5",
    },
    {
      debian = "libyaml_0.2.5.orig.tar.gz",
      sha256 = "fa240dbf262be053f3898006d502d514936c818e422afdcf33921c63bed9bf2e",
    },
  },
  -- Debian's archive is the release's tag, which has no configure script. Its CMake files give the library another
  -- name. So this recipe compiles the eight files itself.
  strategy = "files",
  uses = { "musl" },
  build = function(b)
    local argv = { b.env.CC, "-fPIC", "-shared", "-Wl,-soname,libyaml-0.so.2", "-o", "libyaml-0.so.2" }
    for flag in b.env.CFLAGS:gmatch "%S+" do
      argv[#argv + 1] = flag
    end
    local major, minor, patch = b.version:match "(%d+)%.(%d+)%.(%d+)"
    for _, define in ipairs { "MAJOR=" .. major, "MINOR=" .. minor, "PATCH=" .. patch, ('STRING="%s"'):format(b.version) } do
      argv[#argv + 1] = "-DYAML_VERSION_" .. define
    end
    argv[#argv + 1] = "-I" .. b.src .. "/include"
    for _, name in ipairs(sources) do
      argv[#argv + 1] = ("%s/src/%s.c"):format(b.src, name)
    end
    b:run(argv)
  end,
  install = function(b)
    b:install(b.build .. "/libyaml-0.so.2", b.prefix .. "/lib/libyaml-0.so.2")
    b:symlink("libyaml-0.so.2", b.dest .. b.prefix .. "/lib/libyaml.so")
    b:install(b.src .. "/include/yaml.h", b.prefix .. "/include/yaml.h", "0644")
    local values = { PACKAGE_VERSION = b.version, prefix = b.prefix, exec_prefix = b.prefix }
    values.includedir, values.libdir = b.prefix .. "/include", b.prefix .. "/lib"
    local text = b:read(b.src .. "/yaml-0.1.pc.in"):gsub("@([%w_]+)@", values)
    b:write(b.dest .. b.prefix .. "/lib/pkgconfig/yaml-0.1.pc", text)
  end,
}
