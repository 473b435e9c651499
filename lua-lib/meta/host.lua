---@meta bq.host

---The program that runs the script.
---@class bq.host
---@field version string of bq
---@field script string the name that the script was started by
---@field options string[] bq's own options of this run, for those that it starts: `-v`, `-q`, `--traceback`
---@field module_folders string[] where `require` looks before the bundle
---@field program_folders string[] where programs are looked for before the bundle
local host = {}

---A file of the bundle, such as `$/scripts/enter.lua`.
---@param name string
---@return string? content
function host.bundled(name) end

---The names of all bundled files, sorted.
---@return string[]
function host.bundle() end

return host
