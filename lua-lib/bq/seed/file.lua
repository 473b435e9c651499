-- The file that a seed is made from. It is fetched into the workspace once, and then identified by its digest.
local fail = require "bq.fail"
local fetch = require "bq.fetch"

---@class bq.SeedFile
---@field workspace bq.Workspace
---@field seed string what messages call the seed
---@field name string of the file
---@field url string
---@field sha256 string
---@field offline? boolean

local file = {}

--- Where the file is in the workspace.
---@param workspace bq.Workspace
---@param name string of the file
---@param sha256 string
---@return string
function file.path(workspace, name, sha256)
  return workspace:at("seed", sha256:sub(1, 16) .. "-" .. name)
end

--- Fetches the file if it is not in the workspace, or is damaged there. Raises if this fails.
---@param want bq.SeedFile
---@return string path
function file.get(want)
  local path = file.path(want.workspace, want.name, want.sha256)
  local result = fetch.fetch({
    files = { { urls = { want.url }, path = path, sha256 = want.sha256, name = "seed " .. want.name } },
    verify_only = want.offline,
  })[1]
  if result.ok then
    return path
  end
  local last = result.attempts[#result.attempts]
  if want.offline and last.code == "missing" then
    fail.raise(
      ("the seed `%s` is not in the workspace"):format(want.seed),
      { hint = "run it once without `--offline`" }
    )
  elseif want.offline then
    fail.raise(("the seed `%s` in the workspace is damaged"):format(want.seed), {
      cause = last.message,
      hint = "run it once without `--offline`, and it is fetched again",
    })
  end
  fail.raise(("cannot fetch the seed `%s`"):format(want.seed), {
    cause = ("%s: %s"):format(last.url, last.message),
    hint = last.code == "hash_mismatch"
        and "either the digest that was given is not this file's, or what serves it is not to be trusted"
      or nil,
  })
end

local SET_ID <const> = tonumber("6000", 8)

--- The modes with set-id bits of an unpacked seed. The files themselves do not have these bits.
---@param summary bq.archive.Summary of unpacking with `attributes = "collect"`
---@return table<string, bq.archive.Attribute> by path
function file.modes(summary)
  local out = {}
  for path, attribute in pairs(summary.attributes or {}) do
    if (attribute.mode or 0) & SET_ID ~= 0 then
      out[path] = { mode = attribute.mode }
    end
  end
  return out
end

return file
