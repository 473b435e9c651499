local check = require "check"
local fs = require "bq.fs"
local kernel = require "bq.strategy.kernel"

--- A step whose make writes what Kconfig would, and notes how it was called.
local function step(config, calls)
  fs.mkdir "build"
  local b = {
    src = "/src",
    build = fs.cwd() .. "/build",
    kernel_arch = "arm64",
    epoch = 0,
    recipe = {
      fragments = {
        { name = "all", text = '# a remark\nCONFIG_A=y\nCONFIG_NAME="two words"\n' },
        { name = "arm", text = "CONFIG_B=64\n" },
      },
      make = { "V=1" },
    },
  }
  function b:write(path, text)
    fs.write(path, text, { sync = false })
  end
  function b:read(path)
    return fs.read(path)
  end
  function b:make(argv, options)
    calls[#calls + 1] = { argv = argv, env = options.env }
    fs.write(b.build .. "/.config", config, { sync = false })
  end
  return b
end

check.run {
  {
    "the fragments are all that is on, and who builds it when is fixed",
    function()
      local calls = {}
      kernel.configure(step('# more\nCONFIG_A=y\nCONFIG_NAME="two words"\nCONFIG_B=64\nCONFIG_C=y\n', calls))
      local fragments = fs.cwd() .. "/build/fragments.config"
      check.equal(fs.read(fragments), '# a remark\nCONFIG_A=y\nCONFIG_NAME="two words"\nCONFIG_B=64\n')
      check.equal(calls[1].argv, {
        "-C",
        "/src",
        "O=" .. fs.cwd() .. "/build",
        "ARCH=arm64",
        "LLVM=1",
        "V=1",
        "KCONFIG_ALLCONFIG=" .. fragments,
        "allnoconfig",
      })
      check.equal(calls[1].env.KBUILD_BUILD_TIMESTAMP, "Thu Jan  1 00:00:00 UTC 1970")
    end,
  },
  {
    "what Kconfig does not take is named, with its file",
    function()
      local err = check.raises(function()
        kernel.configure(step("CONFIG_A=y\n# CONFIG_B is not set\nCONFIG_B=640\n", {}))
      end)
      check.contains(err, 'caused by: CONFIG_NAME="two words" (all), CONFIG_B=64 (arm)')
    end,
  },
}
