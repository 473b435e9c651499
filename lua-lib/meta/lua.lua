---@meta

-- What the checker's own stubs of Lua's library say too narrowly: bq raises tables.

---@param body fun(...): ...
---@return boolean ok
---@return any ... what it returned, or what it raised
function pcall(body, ...) end
