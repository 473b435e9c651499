local autotools = require "bq.strategy.autotools"
local check = require "check"

--- What `configure` runs for a recipe: each program, and the folder that it is run in.
local function ran(recipe)
  local calls = {}
  local b = { recipe = recipe, src = "/src", build = "/build", prefix = "/usr", target = "one", arch = "one" }
  function b:run(argv, options)
    calls[#calls + 1] = { argv[1], options.cwd }
  end
  autotools.configure(b)
  return calls
end

check.run {
  {
    "configure is made first where the recipe says so, in the source tree",
    function()
      check.equal(ran {}, { { "/src/configure", "/build" } })
      check.equal(ran { autoreconf = true }, { { "autoreconf", "/src" }, { "/src/configure", "/build" } })
      check.equal(ran { autoreconf = true, in_tree = true }, { { "autoreconf", "/src" }, { "/src/configure", "/src" } })
    end,
  },
}
