-- Checks whether this machine can build, before anything is fetched.
local fs = require "bq.fs"
local probe = require "bq.run.probe"
local tables = require "bq.tables"

local preflight = {}

---@class bq.Finding
---@field name string
---@field ok boolean
---@field fatal? boolean nothing can be built
---@field message string
---@field cause? any
---@field hint? string

--- The least free disk space for a build, in bytes: the seed, its packages and the sources of the smallest set.
local ROOM = 3 * 1000 ^ 3

--- Checks whether this machine can build: tries each operation in a separate process.
---@param folder string where the workspace is, or will be
---@return bq.Finding[]
function preflight.run(folder)
  local out = {}
  local function add(finding)
    out[#out + 1] = finding
  end
  local space = fs.space(folder)
  local free = ("%.1f GB free in `%s`"):format(space.free / 1000 ^ 3, folder)
  ---@diagnostic disable-next-line: undefined-field -- the checker takes the name of this field for a word of its own
  if space.readonly then
    add {
      name = "disk",
      ok = false,
      fatal = true,
      message = ("`%s` is on a read-only file system"):format(folder),
      hint = "choose another folder by `--workspace DIR`",
    }
  elseif space.free < ROOM then
    add { name = "disk", ok = false, message = "little room: " .. free, hint = "a small set needs 3 GB" }
  else
    add { name = "disk", ok = true, message = free }
  end
  if space.noexec then
    add {
      name = "exec",
      ok = false,
      fatal = true,
      message = ("`%s` is mounted noexec"):format(folder),
      hint = "choose another folder by `--workspace DIR`",
    }
  end
  return tables.append(out, probe(folder))
end

return preflight
