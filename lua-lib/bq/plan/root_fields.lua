-- What a recipe says for the roots that its package goes into. None of it changes how the package is built, so none of it is in
-- the step's key.
local accounts = require "bq.system.accounts"
local parts = require "bq.system.parts"
local services = require "bq.system.services"
local tables = require "bq.tables"

local root_fields = {}

--- The fields, and of what type they are.
root_fields.FIELDS = {
  runs_with = "strings", -- packages that are used at run time, and are not found in its files
  parts = "table", -- paths that belong to another part than their names say
  users = "table", -- system accounts
  groups = "table",
  services = "table", -- what a system can turn on
}

---@type table<string, fun(value: any, say: bq.system.Say)>
local CHECKS <const> = {
  parts = parts.check,
  users = accounts.check_users,
  groups = accounts.check_groups,
  services = services.check,
}
local CHECKED <const> = tables.names(CHECKS)

--- What is wrong with what a recipe says for its roots, whose types are right.
---@param data table
---@param problem fun(field: string, message: string)
function root_fields.check(data, problem)
  for _, field in ipairs(CHECKED) do
    if type(data[field]) == "table" then
      CHECKS[field](data[field], function(at, message)
        problem(at:match "[^.]+$" or field, ("`%s` %s"):format(at, message))
      end)
    end
  end
end

return root_fields
