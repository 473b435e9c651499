-- Why a step is built: how its inputs differ from those of the last time.
local key = require "bq.plan.key"
local store = require "bq.store"

--- The reason for which a step is built that is not in the store.
---@param workspace bq.Workspace
---@param history? bq.History of the step
---@param inputs table the step's inputs now
---@return string
return function(workspace, history, inputs)
  local last = history and history.done and store.get(workspace, history.done.key)
  if last then
    return key.reason(last.inputs, inputs) or "its output is gone from the store"
  elseif history and history.ended then
    return history.ended.ok and "its output is gone from the store" or "it failed the last time"
  end
  return "it was never built here"
end
