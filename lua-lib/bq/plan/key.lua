-- Keys: the digest of everything that goes into a step, and what differs between two of them.
local digest = require "bq.digest"
local identity = require "bq.source.identity"
local json = require "bq.json"
local of_machine = require "bq.plan.of_machine"

local key = {}

--- The form of keys: raised when the core comes to treat the same inputs in another way, or a step to see another world.
local FORM = 5

---@class bq.KeyContext
---@field plan table
---@field by_id table<string, table> steps
---@field seed string the seed's tree digest
---@field locked table<string, { sha256: string, file: string }> sources by id
---@field outputs table<string, string> output digests by step id, of what is done
---@field below table<string, string> digests of what is below each step, filled as they are asked for
---@field phase_digests table<string, string> of the outputs of whole phases, filled as they are asked for

--- What counts of an output: its digest, and the paths at which others take its place, since they decide how trees lie on each
--- other.
local function output_of(context, step)
  local output = context.outputs[step.id]
  return output and step.yields and output .. " " .. json.encode(step.yields) or output
end

--- The digest of the outputs of a phase that later phases see, once they are done.
local function phase_digest(context, name)
  local found = context.phase_digests[name]
  if not found then
    local outputs = {}
    for _, step in ipairs(context.plan.steps) do
      if step.phase == name and step.in_base ~= false then
        outputs[step.id] = output_of(context, step)
      end
    end
    found = digest.sha256(json.encode(outputs))
    context.phase_digests[name] = found
  end
  return found
end

--- What a phase depends on, as far as it counts for its steps.
local function base(context, phase, step)
  local out = { seed = step.seed_at and context.seed or nil }
  for _, name in ipairs(phase.base) do
    out[name] = name == "seed" and context.seed or phase_digest(context, name)
  end
  return out
end

--- What a step sees of one that it depends on: its output, and the digest of all below that.
local function dependency(context, id)
  local below = context.below[id]
  if not below then
    local seen = {}
    for _, needed in ipairs(context.by_id[id].depends) do
      seen[of_machine.id(context.plan, context.by_id[needed])] = dependency(context, needed)
    end
    below = next(seen) and digest.sha256(json.encode(seen)) or ""
    context.below[id] = below
  end
  return { output = output_of(context, context.by_id[id]), below = below }
end

--- Everything that goes into a step, as data. All that the step depends on has to be done.
---@param context bq.KeyContext
---@param step table
---@return table
function key.inputs(context, step)
  local made = context.plan
  local phase, built = made.phases[step.phase], step.built or made
  local sources, depends, patches = {}, {}, {}
  for name in pairs(step.sources) do
    local locked = context.locked[identity.id(step, name)]
    sources[name] = locked and identity.of(step, name, locked) or "unknown"
  end
  for _, id in ipairs(step.depends) do
    depends[of_machine.id(made, context.by_id[id])] = dependency(context, id)
  end
  for _, patch in ipairs(step.patches) do
    patches[patch.name] = patch.sha256
  end
  return {
    form = FORM,
    step = of_machine.id(made, step),
    version = step.version,
    strategy = step.strategy,
    fields = step.fields,
    functions = step.recipe and step.recipe.digest or nil,
    code = step.code,
    library = made.library,
    native = phase.needs_native or false,
    sysroot = made.sysroot,
    sources = sources,
    patches = patches,
    patches_from = step.patches_from,
    env = phase.env,
    prefix = phase.prefix,
    arch = built.arch,
    target = built.target,
    epoch = made.epoch,
    base = base(context, phase, step),
    depends = depends,
  }
end

--- The key of some inputs.
---@param inputs table
---@return string 40 hexadecimal digits
function key.of(inputs)
  return digest.sha256(json.encode(inputs)):sub(1, 40)
end

local NAMES = {
  ["^version$"] = "version",
  ["^library$"] = "the library that carries out steps",
  ["^functions$"] = "the recipe's own functions",
  ["^code%."] = "the strategy's code",
  ["^sources%."] = "source",
  ["^patches%."] = "patch",
}

local function show(value)
  if value == nil then
    return "nothing"
  end
  local text = (type(value) == "string" and value or json.encode(value)):gsub("\n", "\\n")
  if text:find "^%x+$" and #text >= 40 then
    text = text:sub(1, 12) .. "…"
  end
  -- A reason is one line.
  text = text:gsub("\n", "\\n"):gsub("%c", " ")
  return "`" .. (#text > 60 and text:sub(1, 57) .. "…" or text) .. "`"
end

--- The first words that say what differs between the inputs of two builds of a step; `nil` if nothing does.
---@param old table
---@param new table
---@return string?
function key.reason(old, new)
  local reasons = {}
  -- The digest of a recipe's own functions is that of its whole text: data that changed in it says more.
  local edited, functions = false, nil
  local function compare(path, a, b)
    if type(a) == "table" and type(b) == "table" and not (#a > 0 or #b > 0) then
      local names, seen = {}, {}
      for _, side in ipairs { a, b } do
        for name in pairs(side) do
          if not seen[name] then
            seen[name] = true
            names[#names + 1] = name
          end
        end
      end
      table.sort(names)
      for _, name in ipairs(names) do
        compare(path == "" and name or path .. "." .. name, a[name], b[name])
      end
    elseif json.encode { a } ~= json.encode { b } then
      local id, part = path:match "^depends%.(.-)%.?(%l*)$"
      if path:find "^depends%." and part == "output" then
        reasons[#reasons + 1] = ("the output of `%s` changed"):format(id)
        return
      elseif path:find "^depends%." and part == "below" then
        reasons[#reasons + 1] = ("what is below `%s` changed"):format(id)
        return
      elseif path:find "^depends%." then
        edited = true
        reasons[#reasons + 1] = (a == nil and "it depends on `%s` now" or "it does not depend on `%s` any more"):format(
          path:sub(9)
        )
        return
      elseif path == "base.seed" then
        reasons[#reasons + 1] = "the seed changed"
        return
      elseif path:find "^base%." then
        reasons[#reasons + 1] = ("what phase `%s` made changed"):format(path:sub(6))
        return
      end
      local label = path:gsub("^fields%.", "")
      for pattern, name in pairs(NAMES) do
        if path:find(pattern) then
          label = name .. (pattern:sub(-1) == "." and " " .. path:match "%.(.*)$" or "")
        end
      end
      local reason = ("%s changed: %s → %s"):format(label, show(a), show(b))
      if path == "functions" and a and b then
        functions = reason
        return
      end
      edited = edited or path:find "^fields%." ~= nil or path:find "^sources%." ~= nil or path == "version"
      reasons[#reasons + 1] = reason
    end
  end
  compare("", old, new)
  if functions and not edited then
    reasons[#reasons + 1] = functions
  end
  return #reasons > 0 and table.concat(reasons, "; ") or nil
end

return key
