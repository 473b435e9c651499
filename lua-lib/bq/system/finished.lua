-- The finished root of a system, or of what `--with` asked for: what it is made of, and whether it is still that.
local digest = require "bq.digest"
local files = require "bq.files"
local fs = require "bq.fs"
local json = require "bq.json"
local page = require "bq.system.page"
local root = require "bq.system.root"
local schema = require "bq.schema"
local union = require "bq.stage.union"

local finished = {}

-- What writes the files of a system: a root that was made by another version is made again.
local MODULES <const> = { "accounts", "boot", "closure", "network", "overlay", "parts", "root", "services", "settings" }

---@type bq.schema.Format
local FORMAT <const> = {
  what = "what the finished root was made of",
  limit = 1 << 16,
  hint = "finish it again: `bq scripts/finish.lua%s`",
  kind = schema.record { of = schema.SHA256 },
}

--- Whether the plan finishes a root of one's own, and not one that builds itself again.
---@param plan bq.Plan
---@return boolean
function finished.is_own(plan)
  return plan.system ~= nil or #plan.finish == 0 and plan.root ~= nil
end

--- The digest of all that goes into the root.
local function inputs(space, state)
  local plan, outputs, code = state.plan, {}, {}
  for _, step in ipairs(plan.steps) do
    outputs[step.id] = state.outputs[step.id]
  end
  for index, name in ipairs(MODULES) do
    code[index] = digest.sha256(files.module("bq.system." .. name) or "")
  end
  local folder = page.files_folder(plan)
  return digest.sha256(json.encode {
    system = plan.system or false,
    with = plan.selection.with,
    outputs = outputs,
    code = code,
    files = folder and fs.stat(folder) and digest.tree(folder) or "",
    secrets = page.secrets(space),
  })
end

--- The root of one's own, as parts in one tree.
---@param space bq.Workspace
---@param state bq.State that has looked into the store
---@param folder string for the files of the system; it is replaced, and the caller removes it
---@return bq.system.Root # with `joined`
function finished.own(space, state, folder)
  fs.remove_all(folder)
  local made = root.of(state, folder, page.secrets(space), page.folder(state.plan))
  made.joined = made.joined or union.of(made.parts)
  return made
end

--- The packages of the root, each with why it is there.
---@param state bq.State
---@param made bq.system.Root
---@return table[]
function finished.packages(state, made)
  local out = json.array {}
  for index, step in ipairs(made.steps) do
    local why = json.array {}
    for place, one in ipairs(made.why[step.id]) do
      why[place] = { by = one.by, what = one.what }
    end
    out[index] = {
      name = step.name,
      version = step.version,
      phase = step.phase,
      license = step.license,
      key = state.keys[step.id],
      output = state.outputs[step.id],
      why = why,
    }
  end
  return out
end

--- Notes that the finished root is up to date. The file has a digest of passwords' hashes, so it is for its owner alone.
---@param space bq.Workspace
---@param state bq.State
function finished.note(space, state)
  space:write_json("finished.json", { of = inputs(space, state) }, "0600")
end

--- Whether the finished root of the workspace is what would be made now.
---@param space bq.Workspace
---@param state bq.State that has looked into the store
---@return boolean
function finished.is_current(space, state)
  local noted = space:read("finished.json", FORMAT)
  return noted ~= nil and fs.stat(space:at "finished") ~= nil and noted.of == inputs(space, state)
end

return finished
