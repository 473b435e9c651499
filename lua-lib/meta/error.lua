---@meta

---What a native function raises. `tostring(err)` is ``OP `PATH`: MESSAGE (CODE)``.
---@class bq.error
---@field op string the call, under its own name: `mount`, `fetch`, `extract`
---@field path? string the path, URL or name that it was about
---@field code string a stable word: an errno's name (`ENOENT`) or a word such as `hash_mismatch`, `argument`
---@field errno? integer the kernel's number, where there is one
---@field message string what the kernel, server or tool said
---@field text string the whole text
