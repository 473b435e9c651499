-- Files beside the recipes of a plan that nothing uses: somebody put them there for a reason.
local beside = require "bq.plan.beside"
local files = require "bq.files"
local tables = require "bq.tables"

local unused = {}

--- The recipe's own fields, and those of each phase.
local function layers(data)
  local out = { data }
  for _, changes in pairs(data.phases or {}) do
    out[#out + 1] = changes
  end
  return out
end

--- The versions that a recipe builds.
local function versions(data)
  local set = {}
  for _, layer in ipairs(layers(data)) do
    set[layer.version or data.version] = true
  end
  return set
end

--- A Lua pattern for the name of a file in which `{arch}` and the like stand for any text.
local function pattern(name)
  return "^" .. name:gsub("{[%l_]+}", "\0"):gsub("%p", "%%%0"):gsub("%z", "[^/]+") .. "$"
end

--- The names of files that any phase of a recipe has in its fields, as patterns.
local function named(recipes, data)
  local out = {}
  for _, layer in ipairs(layers(data)) do
    local strategy = recipes:strategy(layer.strategy or data.strategy)
    for field, kind in pairs(strategy and strategy.module.fields or {}) do
      local value = layer[field]
      for _, list in pairs(kind == "choices" and value or kind == "texts" and { value } or {}) do
        for _, name in ipairs(list) do
          out[#out + 1] = pattern(name)
        end
      end
    end
  end
  return out
end

local function is_named(name, patterns)
  for _, one in ipairs(patterns) do
    if name:find(one) then
      return true
    end
  end
  return false
end

local function of_recipe(recipes, found, out)
  local built = versions(found.data)
  for _, folder in ipairs(beside.patch_folders(found)) do
    if not built[folder.version] then
      out[#out + 1] = ("`%s` is not used: `%s` is built in version %s"):format(
        folder.path,
        found.name,
        table.concat(tables.names(built), ", ")
      )
    else
      for _, name in ipairs(folder.files) do
        if not beside.is_patch(name) and not name:find "^README" then
          out[#out + 1] = ("`%s/%s` is not used: the name of a patch ends in `.patch`"):format(folder.path, name)
        end
      end
    end
  end
  local patterns = named(recipes, found.data)
  for _, file in ipairs(beside.all(found)) do
    if not is_named(file.name, patterns) and not files.name(file.name):find "^README" then
      out[#out + 1] = ("`%s/%s/%s` is not used: no field of the recipe names it"):format(
        found.folder,
        found.name,
        file.name
      )
    end
  end
end

--- What is to be warned about.
---@param recipes bq.Recipes
---@param made table the plan
---@return string[]
function unused.find(recipes, made)
  local out, seen = {}, {}
  for _, step in ipairs(made.steps) do
    if not seen[step.name] then
      seen[step.name] = true
      of_recipe(recipes, recipes:get(step.name), out)
    end
  end
  for _, folder in ipairs(recipes.folders) do
    local names = beside.recipes(folder)
    for _, patches in ipairs(files.list(folder .. "/patches")) do
      if not beside.owner(patches, names) then
        out[#out + 1] = ("`%s/patches/%s` is not used: there is no recipe beside it whose name it begins with"):format(
          folder,
          patches
        )
      end
    end
  end
  return out
end

return unused
