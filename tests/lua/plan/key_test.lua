local beside = require "bq.plan.beside"
local check = require "check"
local fs = require "bq.fs"
local json = require "bq.json"
local key = require "bq.plan.key"
local plan = require "bq.plan.plan"
local recipe = require "bq.plan.recipe"
local scratch = require "scratch"

local HASH <const> = ("0123456789abcdef"):rep(4)
local OTHER <const> = HASH:reverse()
local SOURCE <const> = ('source = { { url = "https://a/{version}.tar", sha256 = "%s", pinned = false }, { url = "https://b", sha256 = "%s", pinned = false } }'):format(
  HASH,
  OTHER
)

local count = 0

--- The context and the plan of two phases: `low/tool`, then `high/lib` and `high/app`, which needs it.
local function prepare(app, declare, more)
  count = count + 1
  local texts = {
    app = app or scratch.recipe("app", 'depends = { "lib" }, files = { ["/a"] = "1" }, ' .. SOURCE),
    lib = scratch.recipe "lib",
    tool = scratch.recipe "tool",
  }
  for name, text in pairs(more or {}) do
    texts[name] = text
  end
  local recipes = scratch.recipes("case" .. count, texts)
  local declaration = scratch.declaration(nil, {
    { name = "low", base = { "seed" }, prefix = "/opt", env = {}, packages = { core = { "tool" } } },
    {
      name = "high",
      base = { "low" },
      prefix = "/usr",
      env = { FLAGS = "-O2" },
      packages = { core = { "lib", "app" } },
    },
  })
  if declare then
    declare(declaration)
  end
  local made = json.decode(json.encode(plan.make(declaration, scratch.selection(), recipes)))
  local context = {
    plan = made,
    by_id = {},
    below = {},
    phase_digests = {},
    seed = "seed-digest",
    locked = { ["app-1:main"] = { sha256 = HASH, file = "f" } },
    outputs = { ["low/tool"] = "tool-output", ["high/lib"] = "lib-output" },
  }
  for _, step in ipairs(made.steps) do
    context.by_id[step.id] = step
  end
  return context
end

local function inputs(context, id)
  return key.inputs(context, context.by_id[id or "high/app"])
end

local base = inputs(prepare())

--- The reason for which the key of `high/app` differs from the first one; `nil` means that the key is the same.
local function reason(context, id)
  local now = inputs(context, id)
  local why = key.reason(base, now)
  check.equal(key.of(now) == key.of(base), why == nil, why)
  -- Through JSON, as the store keeps it.
  check.equal(key.reason(json.decode(json.encode(base)), json.decode(json.encode(now))), why)
  return why
end

local function app(more)
  return scratch.recipe("app", 'depends = { "lib" }, ' .. (more or "") .. SOURCE)
end

check.run {
  {
    "the same inputs give the same key, wherever the recipes lie",
    function()
      check.equal(reason(prepare()), nil)
      check.truthy(key.of(base):find "^%x+$" and #key.of(base) == 40)
    end,
  },
  {
    "comments, layout and the home page do not count",
    function()
      local text = scratch.recipe("app", 'depends = { "lib" }, files = { ["/a"] = "1" }, ' .. SOURCE)
      check.equal(reason(prepare("-- why\n" .. text:gsub("\n", " -- x\n\n"))), nil)
      check.equal(reason(prepare((text:gsub("license", 'homepage = "https://x",\n  license')))), nil)
    end,
  },
  {
    "the address of a source does not count, its digest does",
    function()
      local text = app 'files = { ["/a"] = "1" }, '
      check.equal(reason(prepare((text:gsub("https://a/", "https://elsewhere/")))), nil)
      local context = prepare()
      context.locked["app-1:main"].sha256 = OTHER
      check.equal(
        reason(context),
        ("source main changed: `%s…` → `%s…`"):format(HASH:sub(1, 12), OTHER:sub(1, 12))
      )
      context.locked = {}
      check.equal(reason(context), ("source main changed: `%s…` → `unknown`"):format(HASH:sub(1, 12)))
    end,
  },
  {
    "fields, version, environment, prefix, epoch",
    function()
      check.equal(reason(prepare(app 'files = { ["/a"] = "2" }, ')), "files./a changed: `1` → `2`")
      check.equal(reason(prepare(app 'files = { ["/a"] = "2\\n\\t3" }, ')), "files./a changed: `1` → `2\\n 3`")
      check.equal(reason(prepare(app "")), 'files changed: `{"/a":"1"}` → nothing')
      check.equal(
        reason(prepare(app 'files = { ["/a"] = "1" }, strip = false, ')),
        "strip changed: nothing → `false`"
      )
      check.equal(
        reason(prepare(nil, function(declaration)
          declaration.phases[2].env.FLAGS = "-O3"
        end)),
        "env.FLAGS changed: `-O2` → `-O3`"
      )
      check.equal(
        reason(prepare(nil, function(declaration)
          declaration.phases[2].prefix = "/usr/local"
          declaration.epoch = 1001
        end)),
        "epoch changed: `1000` → `1001`; prefix changed: `/usr` → `/usr/local`"
      )
      local context = prepare((app('files = { ["/a"] = "1" }, '):gsub('version = "1"', 'version = "2"')))
      context.locked["app-2:main"] = context.locked["app-1:main"]
      check.equal(reason(context), "version changed: `1` → `2`")
    end,
  },
  {
    "the outputs of dependencies and of the phases below",
    function()
      local context = prepare()
      context.outputs["high/lib"] = "other"
      check.equal(reason(context), "the output of `high/lib` changed")
      context = prepare()
      context.outputs["low/tool"] = "other"
      check.equal(reason(context), "what phase `low` made changed")
      context = prepare(scratch.recipe("app", 'files = { ["/a"] = "1" }, ' .. SOURCE))
      check.equal(reason(context), "it does not depend on `high/lib` any more")
      check.equal(key.reason(inputs(context), base), "it depends on `high/lib` now")
      -- The seed counts for the phase that depends on it, and above that only by what was built.
      context = prepare()
      context.seed = "other seed"
      check.equal(reason(context), nil)
      check.contains(key.reason(inputs(prepare(), "low/tool"), inputs(context, "low/tool")), "the seed changed")
    end,
  },
  {
    "a step of a phase below that is not in the base",
    function()
      local function with(more, output)
        local context = prepare(nil, function(declaration)
          table.insert(declaration.phases[1].packages.core, "text")
        end, { text = scratch.recipe("text", more) })
        context.outputs["low/text"] = output
        return inputs(context)
      end
      check.equal(key.reason(with("in_base = false", "a"), with("in_base = false", "b")), nil)
      check.equal(key.reason(base, with("in_base = false", "a")), nil)
      check.equal(key.reason(with("in_base = true", "a"), with("in_base = true", "b")), "what phase `low` made changed")
    end,
  },
  {
    "the seed, for what sees it and for what depends on that",
    function()
      local function seen(more)
        local context = prepare(app('files = { ["/a"] = "1" }, ' .. more))
        local before = inputs(context)
        context.seed = "other seed"
        return key.reason(before, inputs(context))
      end
      check.equal(seen "", nil)
      check.equal(seen 'seed_at = "/opt/seed", ', "the seed changed")
      local context = prepare()
      for _, step in ipairs(context.plan.steps) do
        check.equal(step.seed_at, nil)
      end
    end,
  },
  {
    "what the finished root leaves out does not count",
    function()
      check.equal(reason(prepare(app 'files = { ["/a"] = "1" }, leave_out = { "/b" }, ')), nil)
    end,
  },
  {
    "a recipe's own functions",
    function()
      local before = inputs(prepare(app "install = function(b) b:mkdir(b.dest) end, "))
      local same = inputs(prepare(app "install = function(b)\n  -- makes it\n  b:mkdir(b.dest)\nend, "))
      local other = inputs(prepare(app "install = function(b) b:mkdir(b.dest .. '/x') end, "))
      check.equal(key.of(before), key.of(same))
      check.contains(key.reason(before, other), "the recipe's own functions changed: `")
      -- With data that changed beside them, that is the reason.
      local flag = inputs(prepare(app "strip = false, install = function(b) b:mkdir(b.dest) end, "))
      check.equal(key.reason(before, flag), "strip changed: nothing → `false`")
    end,
  },
  {
    "patches, by name",
    function()
      local context = prepare()
      local folder = "case" .. count
      scratch.write(folder .. "/patches/app-1/0001-x.patch", "x")
      local recipes = recipe.collection { folder }
      context.by_id["high/app"].patches = beside.patches(recipes:get "app", "1")
      check.contains(reason(context), "patch 0001-x.patch changed: nothing → `")
    end,
  },
  {
    "the strategy's code",
    function()
      local context = prepare()
      context.by_id["high/app"].code["bq.strategy.files"] = HASH
      check.contains(reason(context), "the strategy's code bq.strategy.files changed: `")
    end,
  },
  {
    "another strategy, one that depends on others too",
    function()
      check.truthy(recipe.code("bq.strategy.autotools")["bq.strategy.autotools"])
      check.equal(recipe.code "bq.fs", {})
    end,
  },
  {
    "no path and no time is in the inputs",
    function()
      local text = json.encode(base)
      check.truthy(not text:find(fs.cwd(), 1, true))
      check.truthy(not text:find(os.date "%Y-%m", 1, true))
    end,
  },
}
