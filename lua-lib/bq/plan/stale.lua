-- Whether a plan is still what its recipes and the library say. It is asked at each run, so nothing is loaded that makes plans.
local beside = require "bq.plan.beside"
local files = require "bq.files"
local form = require "bq.plan.form"
local library = require "bq.plan.library"

--- Whether the recipes and strategies that a plan was made from still say the same; the first that does not.
---@param made table the plan
---@param folders string[] of recipes
---@param modules? string[] folders of the library; those of this run if absent
---@return string? what has changed
local function stale(made, folders, modules)
  if made.schema ~= form.VERSION then
    return "the plan was made by another version of bq"
  end
  for name, old in pairs(made.recipes) do
    local now = beside.fingerprint(folders, name)
    if not now then
      return ("the recipe `%s` is gone"):format(name)
    elseif now ~= old.digest then
      return ("the recipe `%s` was edited"):format(name)
    end
  end
  local is_same = library.text_digest(modules) == made.library_text or library.digest(modules) == made.library
  if not is_same then
    return "the library that carries out steps was edited"
  end
  for module, text in pairs(made.code) do
    if files.module(module, modules) ~= text then
      return ("`%s` was edited"):format(module)
    end
  end
end

return stale
