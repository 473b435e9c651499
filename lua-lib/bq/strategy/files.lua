-- Files, links and folders whose content is in the recipe. A file whose text begins with `#!` is executable.
local files = {
  fields = {
    files = "map", -- path = content
    links = "map", -- path = target
    folders = "strings",
  },
}

function files.install(b)
  for _, path in ipairs(b.recipe.folders or {}) do
    b:mkdir(b.dest .. path)
  end
  for path, text in pairs(b.recipe.files or {}) do
    b:write(b.dest .. path, text, tonumber(text:find "^#!" and "755" or "644", 8))
  end
  for path, target in pairs(b.recipe.links or {}) do
    b:symlink(target, b.dest .. path)
  end
end

return files
