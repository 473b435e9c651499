-- Reading and writing YAML.
return {
  name = "libyaml",
  version = "0.2.5",
  license = "MIT",
  homepage = "https://pyyaml.org/wiki/LibYAML",
  source = {
    { url = "https://pyyaml.org/download/libyaml/yaml-{version}.tar.gz" },
    {
      debian = "libyaml_0.2.5.orig.tar.gz",
      sha256 = "fa240dbf262be053f3898006d502d514936c818e422afdcf33921c63bed9bf2e",
    },
  },
  -- Debian's archive is the tag, which has no configure.
  strategy = "cmake",
  uses = { "musl" },
  cmake = {
    "BUILD_SHARED_LIBS=ON",
    "BUILD_TESTING=OFF",
    -- It asks for the rules of CMake 3.0, which CMake 4 has dropped.
    "CMAKE_POLICY_VERSION_MINIMUM=3.5",
  },
}
