local check = require "check"
local fs = require "bq.fs"
local kernel = require "bq.strategy.kernel"
local scratch = require "scratch"

--- A step whose make writes what Kconfig would, and notes how it was called.
local function step(config, calls, fragments)
  fs.mkdir "build"
  local b = {
    src = fs.cwd() .. "/src",
    build = fs.cwd() .. "/build",
    kernel_arch = "arm64",
    epoch = 0,
    recipe = {
      fragments = fragments or {
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
  function b:walk(path)
    return fs.walk(path)
  end
  function b:make(argv, options)
    calls[#calls + 1] = { argv = argv, env = options.env }
    fs.write(b.build .. "/.config", config, { sync = false })
  end
  return b
end

--- What is said of the lines of a fragment.
local function wrong(text)
  local out = {}
  kernel.options({ name = "x", text = text }, function(line, message)
    out[#out + 1] = line .. ": " .. message
  end)
  return out
end

--- The fragments that a choice ends in, and what is said of them.
local function settled(fields, system)
  local names, said = {}, {}
  kernel.settle(fields, system, function(file, line, message)
    said[#said + 1] = ("%s:%d: %s"):format(file, line, message)
  end)
  for index, one in ipairs(fields.fragments) do
    names[index] = one.name
  end
  return names, said
end

check.run {
  {
    "the fragments are all that is on, and who builds it when is fixed",
    function()
      local calls = {}
      kernel.configure(step('# more\nCONFIG_A=y\nCONFIG_NAME="two words"\nCONFIG_B=64\nCONFIG_C=y\n', calls))
      local fragments = fs.cwd() .. "/build/fragments.config"
      check.equal(fs.read(fragments), 'CONFIG_A=y\nCONFIG_NAME="two words"\nCONFIG_B=64\n')
      check.equal(calls[1].argv, {
        "-C",
        fs.cwd() .. "/src",
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
    "of two fragments the later one counts, also if it turns an option off",
    function()
      kernel.configure(step('CONFIG_NAME="three"\n# CONFIG_A is not set\nCONFIG_B=64\n', {}, {
        { name = "all", text = 'CONFIG_A=y\nCONFIG_NAME="two"\nCONFIG_B=64\nCONFIG_C=y\n' },
        { name = "own", text = '# CONFIG_A is not set\nCONFIG_NAME="three"\nCONFIG_C=n\n' },
      }))
      check.equal(fs.read "build/fragments.config", 'CONFIG_A=n\nCONFIG_NAME="three"\nCONFIG_B=64\nCONFIG_C=n\n')
    end,
  },
  {
    "what Kconfig does not take is named, with file, line and why",
    function()
      scratch.write(
        "src/Kconfig",
        'config A\n\tbool "a"\nconfig LONELY\n\tbool "it"\n\tdepends on A && B\n\thelp\n\t  depends on nothing\n'
      )
      scratch.write("src/arch/Kconfig.more", 'menuconfig B\n\tint "b"\nendif\nconfig HIDDEN\n\tbool\n')
      local err = check.raises(function()
        kernel.configure(step("CONFIG_A=y\nCONFIG_B=640\n# CONFIG_LONELY is not set\n", {}, {
          { name = "all", text = "CONFIG_A=y\nCONFIG_B=64\n\nCONFIG_LONELY=y\n" },
          { name = "own", text = "CONFIG_HIDDEN=y\n# CONFIG_A is not set\nCONFIG_LONLY=y\n" },
        }))
      end)
      check.equal(err.notes, {
        "  own:2: CONFIG_A=n: it became `y`",
        "  all:2: CONFIG_B=64: it became `640`",
        "  all:4: CONFIG_LONELY=y: it depends on A && B",
        "  own:1: CONFIG_HIDDEN=y: it is on where another option selects it, and cannot be set",
        "  own:3: CONFIG_LONLY=y: this kernel has no such option, did you mean `CONFIG_LONELY`?",
      })
    end,
  },
  {
    "what a fragment turns off takes along what depends on it, and nothing else",
    function()
      local function entry(name, needs)
        return ('config %s\n\tbool "%s"\n\tdepends on %s\n'):format(name, name, needs)
      end
      local texts = { 'config A\n\tbool "a"\n', entry("B", "X && (A || Y)"), entry("C", "B"), entry("D", "!A") }
      scratch.write("src/Kconfig", table.concat(texts))
      fs.remove_all "src/arch"
      local fragments =
        { { name = "all", text = "CONFIG_A=y\nCONFIG_B=y\nCONFIG_C=y\n" }, { name = "own", text = "CONFIG_A=n\n" } }
      kernel.configure(step("# CONFIG_A is not set\n", {}, fragments))
      fragments[1].text = fragments[1].text .. "CONFIG_D=y\n"
      local err = check.raises(function()
        kernel.configure(step("# CONFIG_A is not set\n", {}, fragments))
      end)
      check.equal(err.notes, { "  all:4: CONFIG_D=y: it depends on !A" })
      -- One that was not turned off takes nothing along.
      fragments[2].text = ""
      err = check.raises(function()
        kernel.configure(step("CONFIG_D=y\n", {}, fragments))
      end)
      check.equal(#err.notes, 3)
    end,
  },
  {
    "what is no line of a configuration is named",
    function()
      check.equal(
        wrong 'CONFIG_A=y\n\n  # words\n# CONFIG_B is not set\nCONFIG_C="a \\"b\\""\nCONFIG_D=0x1F\nCONFIG_E=-1\nCONFIG_A=y\n',
        {}
      )
      check.equal(wrong 'CONFIG_A=m\nCONFIG_B=yes\nB=y\nCONFIG_C=y\r\nCONFIG_D="x\n# CONFIG_E is not set\nCONFIG_E=y', {
        "1: `CONFIG_A=m` asks for a module, and the kernel is one file; say `y`",
        "2: is `CONFIG_B=yes`, expected `CONFIG_NAME=value` or `# CONFIG_NAME is not set`",
        "3: is `B=y`, expected `CONFIG_NAME=value` or `# CONFIG_NAME is not set`",
        "4: is `CONFIG_C=y?`, expected `CONFIG_NAME=value` or `# CONFIG_NAME is not set`",
        '5: is `CONFIG_D="x`, expected `CONFIG_NAME=value` or `# CONFIG_NAME is not set`',
        "7: sets `CONFIG_E` to y, and line 6 to n",
      })
    end,
  },
  {
    "a system chooses a configuration and adds fragments; what is wrong in the recipe's is named",
    function()
      local function fields()
        return {
          fragments = { { name = "all", text = "CONFIG_A=y\n" } },
          configs = { small = {}, large = { { name = "large", text = "CONFIG_B\n" } } },
        }
      end
      check.equal(settled(fields()), { "all" })
      check.equal(settled(fields(), { kernel = { config = "small" } }), { "all" })
      local chosen = fields()
      local own = { { name = "own", text = "CONFIG_C=y\n" } }
      local names, said = settled(chosen, { kernel = { config = "large", fragments = own } })
      check.equal(names, { "all", "large", "own" })
      check.equal(said, { "large:1: is `CONFIG_B`, expected `CONFIG_NAME=value` or `# CONFIG_NAME is not set`" })
      check.equal(chosen.configs, nil)
    end,
  },
}
