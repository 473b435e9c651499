-- Recorded output digests of a build, to compare other builds with: a JSON file for one architecture, by set.
local fail = require "bq.fail"
local fs = require "bq.fs"
local json = require "bq.json"
local schema = require "bq.schema"
local store = require "bq.store"

local record = {}

---@class bq.Record what one run of a set gave
---@field date string of the run, `2026-11-25`
---@field seed string such as `debian:trixie`
---@field seed_digest string of its tree
---@field steps table<string, string> output digests by step id
---@field seconds? table<string, number> what each step took on the machine that recorded it

---@type bq.schema.Format
local FORMAT <const> = {
  what = "the recorded digests",
  limit = 1 << 26,
  kind = schema.map(schema.record {
    date = schema.text(),
    seed = schema.text(),
    seed_digest = schema.text(),
    steps = schema.map(schema.SHA256, schema.STEP),
    ["seconds?"] = schema.map(schema.number(), schema.STEP),
  }),
}

local function read(path)
  return schema.read(path, FORMAT) or {}
end

--- Records the output digests of a workspace, and how long each step took.
---@param path string
---@param state bq.State that has looked into the store
---@param lock table of the workspace
function record.write(path, state, lock)
  if next(state.outputs) == nil then
    fail.raise("nothing is built that could be recorded", {
      hint = ("build it: `bq scripts/coordinator.lua%s`"):format(state.workspace:option()),
    })
  end
  local all, steps, seconds = read(path), {}, {}
  for id, output in pairs(state.outputs) do
    local meta = store.get(state.workspace, state.keys[id])
    steps[id] = output
    seconds[id] = meta and math.floor(meta.seconds * 10 + 0.5) / 10
  end
  all[state.plan.set] = {
    date = os.date "!%Y-%m-%d",
    seed = lock.seed and lock.seed.id or "unknown",
    seed_digest = state.context.seed,
    steps = steps,
    seconds = seconds,
  }
  fs.write(path, json.encode(all, { pretty = true }) .. "\n")
end

---@class bq.Comparison ids, sorted
---@field record bq.Record
---@field same string[]
---@field differ string[] though nothing that went in can be another
---@field other_seed string[] different, on another seed than the recorded one
---@field absent string[] recorded, and not built here

--- Whether the output of a step may depend on the seed.
local function rests_on_seed(plan, step)
  if step.seed_at then
    return true
  end
  for _, name in ipairs(plan.phases[step.phase].base) do
    if name == "seed" then
      return true
    end
  end
  return false
end

--- Compares a workspace with a record; `nil` if there is none of its set.
---@param path string
---@param state bq.State that has looked into the store
---@return bq.Comparison?
function record.compare(path, state)
  local one = read(path)[state.plan.set]
  if not one then
    return nil
  end
  local out = { record = one, same = {}, differ = {}, other_seed = {}, absent = {} }
  for id, expected in pairs(one.steps) do
    local actual, step = state.outputs[id], state.by_id[id]
    local list = out.same ---@type string[]
    if not actual then
      list = out.absent
    elseif actual ~= expected then
      list = one.seed_digest ~= state.context.seed and rests_on_seed(state.plan, step) and out.other_seed or out.differ
    end
    list[#list + 1] = id
  end
  for _, name in ipairs { "same", "differ", "other_seed", "absent" } do
    table.sort(out[name])
  end
  return out
end

return record
