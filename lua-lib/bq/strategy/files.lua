-- Files, links and folders whose content is in the recipe. A file whose text begins with `#!` is executable.
local fs = require "bq.fs"

local files = {
  fields = {
    files = "map", -- path = content
    links = "map", -- path = target
    folders = "strings",
    sticky = "strings", -- folders that everybody may write to
  },
}

---@param b bq.Step
function files.install(b)
  for _, path in ipairs(b.recipe.folders or {}) do
    b:mkdir(b.dest .. path)
  end
  for _, path in ipairs(b.recipe.sticky or {}) do
    b:mkdir(b.dest .. path)
    fs.chmod(b.dest .. path, tonumber("1777", 8))
  end
  for path, text in pairs(b.recipe.files or {}) do
    b:write(b.dest .. path, text, text:find "^#!" and "0755" or "0644")
  end
  for path, target in pairs(b.recipe.links or {}) do
    b:symlink(target, b.dest .. path)
  end
end

return files
