-- The documents say what is there: commands and their options, strategies and their fields, examples.
local check = require "check"
local fs = require "bq.fs"
local host = require "bq.host"
local process = require "bq.process"

local root = fs.realpath(host.script):match "^(.*)/tests/lua/[^/]+$"

---@type table<string, string>
local documents = {
  ["README.md"] = fs.read(root .. "/README.md"),
  ["CONTRIBUTING.md"] = fs.read(root .. "/CONTRIBUTING.md"),
}
for _, name in ipairs(fs.list(root .. "/docs")) do
  if name:find "%.md$" then
    documents["docs/" .. name] = fs.read(root .. "/docs/" .. name)
  end
end

local helps = {} ---@type table<string, string>
local function help(program)
  if not helps[program] then
    local status = process.run {
      argv = { process.executable(), ("%s/%s.lua"):format(root, program), "--help" },
      stdout = "capture",
      stderr = "capture",
    }
    check.truthy(status.ok, ("`%s` has no help: %s"):format(program, status.stderr))
    helps[program] = status.stdout
  end
  return helps[program]
end

--- The headings of a document as the anchors of its page.
local function anchors(text)
  local out = {}
  for line in text:gsub("\n```.-\n```", ""):gmatch "[^\n]+" do
    local heading = line:match "^#+ (.*)"
    if heading then
      out[heading:lower():gsub("[^%w _-]", ""):gsub(" ", "-")] = true
    end
  end
  return out
end

--- The document of recipes has the strategy's fields, and no others.
local function has_section(text, name)
  local fields = require("bq.strategy." .. name).fields
  local section = (text .. "\n## "):match("\n### " .. name .. "\n(.-)\n##")
  check.truthy(section, ("docs/recipes.md has no section `### %s`"):format(name))
  -- What a strategy takes over whole from another, it says by a link.
  local all = section
  for other in section:gmatch "%]%(#([%l_]+)%)" do
    all = all .. (text:match("\n### " .. other .. "\n(.-)\n##") or "")
  end
  for field in pairs(fields) do
    check.contains(all, ("\n| `%s` |"):format(field))
  end
  for field in section:gmatch "\n| `([%l_]+)` |" do
    check.truthy(fields[field], ("docs/recipes.md: `%s` has no field `%s`"):format(name, field))
  end
end

check.run {
  {
    "every program that is named is there, with every option that it is given",
    function()
      for name, text in pairs(documents) do
        for program, rest in text:gmatch "bq ([%w_/]+)%.lua([^\n`|#]*)" do
          if not fs.stat(root .. "/" .. program:match "^[^/]*") or not program:find "/" then
            goto continue -- An example of a script that the reader has.
          end
          local own = rest:gsub(" %-%- .*", "") ---@type string
          for option in own:gmatch " %-%-([%l-]+)" do
            check.truthy(
              option == "help" or help(program):find("\n  --" .. option .. " ", 1, true),
              ("%s: `%s` has no option `--%s`"):format(name, program, option)
            )
          end
          help(program)
          ::continue::
        end
      end
    end,
  },
  {
    "every link leads somewhere",
    function()
      for name, text in pairs(documents) do
        for target in text:gmatch "%]%(([^)]+)%)" do
          if not target:find "^%a+://" then
            local path, anchor = target:match "^([^#]*)#?(.*)$"
            local base = name:match "^(.*/)" or ""
            local full = path == "" and name or base .. path
            check.truthy(fs.stat(root .. "/" .. full), ("%s: no file `%s`"):format(name, target))
            if anchor ~= "" then
              check.truthy(anchors(documents[full])[anchor], ("%s: no heading `%s`"):format(name, target))
            end
          end
        end
      end
    end,
  },
  {
    "every strategy has a section with its fields, and no others",
    function()
      local text = documents["docs/recipes.md"]
      for _, file in ipairs(fs.list(root .. "/lua-lib/bq/strategy")) do
        -- A folder holds parts of the strategy of its name.
        if file:find "%.lua$" then
          has_section(text, file:match "^(.*)%.lua$")
        end
      end
    end,
  },
  {
    "the recipe that is shown first is the one of zlib",
    function()
      local example = documents["docs/recipes.md"]:match "\n```lua\n(.-\n)```"
      check.equal(example, fs.read(root .. "/scripts/packages/zlib.lua"))
    end,
  },
  {
    "the recipe of one's own makes a plan",
    function()
      local text = documents["docs/recipes.md"]:match "\n(%-%- recipes/hello%.lua\n.-)```"
      fs.mkdir "recipes"
      fs.write("recipes/hello.lua", text)
      local status = process.run {
        argv = {
          process.executable(),
          root .. "/scripts/build_sysroot.lua",
          "--dry-run",
          "--recipes",
          "recipes",
          "--with",
          "hello@rootfs",
        },
        stdout = "capture",
        stderr = "capture",
      }
      check.truthy(status.ok, status.stderr)
      check.contains(status.stdout, "  hello ")
    end,
  },
}
