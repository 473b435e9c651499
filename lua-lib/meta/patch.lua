---@meta bq.patch

---Patches: applies unified diffs and those of git to a tree, all of it or nothing.
---Renames, copies, modes, links, new, removed and binary files are known; bytes are compared as they are, ends of lines too.
---Nothing but the tree is touched: names are resolved inside of it, and no link is followed.
---@class bq.patch
local patch = {}

---@class bq.patch.Apply
---@field text string the patch; what stands around the diffs, such as a mail, is passed over
---@field root string the folder that it is for
---@field strip? integer leading components to drop from every name, as `patch -p`; if absent, the number with which all files are found (1 is tried first)
---@field fuzz? integer lines of context that may differ at each end of a hunk, 0 if absent

---@class bq.patch.Hunk
---@field line integer where it was put, in the file as it was before
---@field offset integer how many lines that is from where it says
---@field fuzz integer how many lines of context were not compared at an end

---@class bq.patch.File
---@field path string in the tree
---@field action "modify"|"create"|"delete"|"rename"|"copy"
---@field from? string the old name, of a rename or copy
---@field mode? integer the permissions, where they are new
---@field binary boolean a binary patch
---@field hunks bq.patch.Hunk[]

---@class bq.patch.Applied
---@field strip integer the leading components that were dropped
---@field files bq.patch.File[] what was done, in the order of the patch

---Applies a patch. Raises, with nothing changed, with `code` `format` (it cannot be read: `line` of the patch), `missing` or `exists` (a file),
---`hunk` (one that does not fit: `hunk`, and `line`, `expected`, `found` and `nearest`, all texts, for the place in the file), `binary` (made for another
---content), `strip`, `refused` (a name or link that leads out of the tree, a folder or device) or an errno.
---
---```lua
---local done = patch.apply { text = fs.read "0001-fix.patch", root = "src" }
---for _, file in ipairs(done.files) do print(file.action, file.path) end
---```
---@param options bq.patch.Apply
---@return bq.patch.Applied
function patch.apply(options) end

return patch
