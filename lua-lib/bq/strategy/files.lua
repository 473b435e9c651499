-- Files, folders and links that the recipe itself holds.
local files = {
  fields = {
    files = "map", -- path to text
    links = "map", -- path to what the link says
    folders = "strings",
    executable = "strings", -- those of the files that can be run
  },
}

function files.install(b)
  for _, path in ipairs(b.recipe.folders or {}) do
    b:mkdir(b.dest .. path)
  end
  for path, text in pairs(b.recipe.files or {}) do
    b:write(b.dest .. b:expand(path), text)
  end
  for _, path in ipairs(b.recipe.executable or {}) do
    b:chmod(b.dest .. b:expand(path), 493)
  end
  for path, target in pairs(b.recipe.links or {}) do
    b:symlink(target, b:expand(path))
  end
end

return files
