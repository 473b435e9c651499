-- docs/primitives.md is what docs/primitives.lua makes of the stubs that are there now.
local check = require "check"
local fs = require "bq.fs"
local host = require "bq.host"
local process = require "bq.process"

local root = fs.realpath(host.script):match "^(.*)/tests/lua/[^/]+$"
local page = fs.read(root .. "/docs/primitives.md")

local function generate(tree, ...)
  return process.run {
    argv = { process.executable(), tree .. "/docs/primitives.lua", ... },
    stdout = "capture",
    stderr = "capture",
  }
end

--- A copy of what the generator reads and writes.
local function copy_tree()
  local tree = fs.mkdtemp(fs.cwd() .. "/tree-")
  fs.mkdir(tree .. "/docs")
  for _, path in ipairs { "docs/primitives.lua", "docs/primitives.md", "lua-lib" } do
    fs.copy(root .. "/" .. path, tree .. "/" .. path)
  end
  return tree
end

check.run {
  {
    "the committed page is what the generator makes",
    function()
      local status = generate(root, "--check")
      check.truthy(status.ok, status.stderr)
    end,
  },
  {
    "a stub that changed makes the page stale, and a run mends it",
    function()
      local tree = copy_tree()
      local stub = tree .. "/lua-lib/meta/fs.lua"
      local text = fs.read(stub):gsub("The whole content of a file%.", "All that a file says.")
      fs.write(stub, text)
      local status = generate(tree, "--check")
      check.equal(status.code, 1)
      check.contains(status.stderr, "hint: make it again: `bq docs/primitives.lua`")
      check.equal(fs.read(tree .. "/docs/primitives.md"), page)
      check.truthy(generate(tree).ok)
      check.contains(fs.read(tree .. "/docs/primitives.md"), "All that a file says.")
      check.truthy(generate(tree, "--check").ok)
    end,
  },
  {
    "every function and field of the stubs is on the page",
    function()
      for _, name in ipairs(fs.list(root .. "/lua-lib/meta")) do
        local stub = fs.read(root .. "/lua-lib/meta/" .. name)
        -- The types of recipes and plans are told elsewhere.
        stub = (name == "error.lua" or stub:find "^%-%-%-@meta bq%.") and stub or ""
        for call in stub:gmatch "\nfunction (%S+%b())" do
          check.contains(page, "### `" .. call .. "`\n")
        end
        for field, mark in stub:gmatch "\n%-%-%-@field ([%w_]+)(%??)" do
          check.contains(page, ("\n- `%s%s`: "):format(field, mark))
        end
        for class in stub:gmatch "\n%-%-%-@alias ([%w_.]+)" do
          check.contains(page, "### `" .. class .. "`\n")
        end
      end
    end,
  },
  {
    "an annotation that the generator does not know is an error",
    function()
      local tree = copy_tree()
      fs.append(tree .. "/lua-lib/meta/fs.lua", "\n---@overload fun(): string\nfunction fs.more() end\n")
      local status = generate(tree)
      check.equal(status.code, 1)
      check.contains(status.stderr, "`@overload`")
    end,
  },
}
