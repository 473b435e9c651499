-- What a plan is made from: the sets, the phases, and what every step sees; as `scripts/build_sysroot.lua` declares it.
local fail = require "bq.fail"
local json = require "bq.json"
local nearest = require "bq.nearest"
local tables = require "bq.tables"
local template = require "bq.plan.template"

local declaration = {}

---@class bq.Phase
---@field name string
---@field about string one line
---@field base string[] `seed`, or earlier phases whose outputs are below every step
---@field base_in? table<string, string[]> by set, what is below every step there instead
---@field prefix string
---@field env table<string, string>
---@field packages table<string, string[]> by list
---@field needs_native? boolean its steps run what earlier phases built
---@field of_machine? true|table<string, bq.OfMachine> what is this machine's if the plan is for another architecture: all, or these packages, by list
---@field first? string[] packages that every other one of the phase depends on, but for those that they need themselves
---@field apart? boolean its steps do not see each other's outputs: they are for another root than the one they are built in
---@field extend? boolean|string[] where `--with NAME` and a system put packages: in all sets, or in these

---@class bq.Roots what roots of one's own are made of: a system, or what `--with` asks for
---@field packages string[] of each such root
---@field leave_out? string[] paths that none of them takes
---@field disk? string[] the lists that a system needs besides, if it goes onto a disk
---@field sets table<string, { phases: string[], lists?: string[] }> by set: the phases whose outputs it is made of, the lowest first; the lists that a system is built with: without them, the set is not for systems

---@class bq.Declaration
---@field seed? string the default of `--seed`
---@field set? string the default of `--set`
---@field sets table<string, string[]> the package lists that belong to each set
---@field phases bq.Phase[]
---@field finish? table<string, string[]> by set, the phases whose outputs are its finished root, the lowest first
---@field roots? bq.Roots
---@field target string the triple, with `{arch}`
---@field sysroot? string where the toolchain is, `{sysroot}` in recipes
---@field epoch integer SOURCE_DATE_EPOCH of every step, and the time of every file
---@field env table<string, string> of every step

local PHASE_FIELDS = {
  name = 1,
  about = 1,
  base = 1,
  base_in = 1,
  prefix = 1,
  env = 1,
  packages = 1,
  needs_native = 1,
  of_machine = 1,
  extend = 1,
  first = 1,
  apart = 1,
}

--- What is below every step of a phase.
---@param phase bq.Phase
---@param set string
---@return string[]
function declaration.base(phase, set)
  return phase.base_in and phase.base_in[set] or phase.base
end

--- Raises if a text names in braces what is not known.
local function check_names(what, value, known)
  local name = template.unknown(value, known)
  if name then
    fail.raise(("%s: `{%s}` stands for nothing"):format(what, name), { hint = template.advice(name, known) })
  end
end

--- The phase that gets packages which are named without one.
---@param declared bq.Declaration
---@param set string
---@return bq.Phase
function declaration.extended(declared, set)
  local found = declared.phases[#declared.phases]
  for _, phase in ipairs(declared.phases) do
    local extend = phase.extend
    if extend == true or type(extend) == "table" and tables.contains(extend, set) then
      found = phase
    end
  end
  return found
end

--- What a root of one's own is made of, as the plan says it; `nil` if the set makes none.
---@param declared bq.Declaration
---@param set string
---@return bq.PlanRoot?
function declaration.root(declared, set)
  local roots = declared.roots
  local root = roots and roots.sets[set]
  return root
      and {
        phases = json.array(tables.copy(root.phases)),
        packages = json.array(tables.copy(roots.packages)),
        leave_out = json.array(tables.copy(roots.leave_out)),
      }
    or nil
end

--- Raises if the roots name a phase or a set that is not there.
---@param declared bq.Declaration
---@param seen table<string, boolean> phases
local function check_roots(declared, seen)
  for set, root in tables.sorted(declared.roots and declared.roots.sets or {}) do
    if not declared.sets[set] then
      fail.raise(("`roots` names `%s`, which is no set"):format(set))
    end
    for _, name in ipairs(root.phases) do
      if not seen[name] or name == "seed" then
        fail.raise(("`roots` names `%s`, which is no phase"):format(name))
      end
    end
  end
end

--- Raises if what a phase says of this machine's programs cannot be.
---@param phase bq.Phase
---@param names table<string, boolean> of all phases
local function check_of_machine(phase, names)
  local function no(what)
    fail.raise(("`of_machine` of phase `%s` %s"):format(phase.name, what))
  end
  if phase.of_machine == nil then
    return
  elseif #phase.base ~= 1 or phase.base[1] ~= "seed" or phase.needs_native then
    no "is for phases that are built on the seed alone, and run nothing of what they build"
  elseif phase.of_machine == true then
    return
  elseif type(phase.of_machine) ~= "table" then
    no "is `true`, or a table by list"
  end
  for list, one in
    tables.sorted(phase.of_machine --[[@as table<string, bq.OfMachine>]])
  do
    if not phase.packages[list] then
      no(("names `%s`, which is no list of the phase"):format(list))
    elseif type(one) ~= "table" or type(one.programs) ~= "table" or one.with and type(one.with) ~= "table" then
      no(("says for `%s` what is no table of `programs` and `with`"):format(list))
    end
  end
  for name in pairs(names) do
    if name:find("^" .. phase.name:gsub("%p", "%%%0") .. "%-") then
      no(("would make phases with names like that of phase `%s`"):format(name))
    end
  end
end

--- Raises if a phase says what phases do not say, or names what is not there.
---@param declared bq.Declaration
function declaration.check(declared)
  local seen = { seed = true }
  check_names("`target`", declared.target, { arch = true })
  check_names("`env`", declared.env, template.ENV)
  for _, phase in ipairs(declared.phases) do
    for field in pairs(phase) do
      if not PHASE_FIELDS[field] then
        local near = nearest(field, PHASE_FIELDS)
        fail.raise(("phase `%s` has an unknown field `%s`"):format(tostring(phase.name), field), {
          hint = near and ("did you mean `%s`?"):format(near),
        })
      end
    end
    check_names(("`env` of phase `%s`"):format(phase.name), phase.env, template.ENV)
    for set in pairs(phase.base_in or {}) do
      if not declared.sets[set] then
        fail.raise(("phase `%s` has a base in `%s`, which is no set"):format(phase.name, set))
      end
    end
    for set in pairs(declared.sets) do
      for _, base in ipairs(declaration.base(phase, set)) do
        if not seen[base] then
          fail.raise(("phase `%s` depends on `%s`, which is no earlier phase"):format(phase.name, base))
        end
      end
    end
    for _, set in ipairs(type(phase.extend) == "table" and phase.extend or {}) do
      if not declared.sets[set] then
        fail.raise(("phase `%s` extends `%s`, which is no set"):format(phase.name, set))
      end
    end
    seen[phase.name] = true
  end
  for _, phase in ipairs(declared.phases) do
    check_of_machine(phase, seen)
  end
  check_roots(declared, seen)
  for _, phases in pairs(declared.finish or {}) do
    for _, name in ipairs(phases) do
      if not seen[name] or name == "seed" then
        fail.raise(("`finish` names `%s`, which is no phase"):format(name))
      end
    end
  end
end

--- The same without the phases that are not kept, and without the sets that have none left.
---@param roots bq.Roots
---@param kept table<string, boolean> phases
---@return bq.Roots
local function roots_inside(roots, kept)
  local out, sets = {}, {} ---@type table<string, any>, table<string, any>
  for set, root in pairs(roots.sets) do
    local phases = {}
    for _, name in ipairs(root.phases) do
      if kept[name] then
        phases[#phases + 1] = name
      end
    end
    sets[set] = #phases > 0 and { lists = root.lists, phases = phases } or nil
  end
  for field, value in pairs(roots) do
    out[field] = value
  end
  out.sets = sets
  return out --[[@as bq.Roots]]
end

--- The same for the finished root, which builds itself again: only the phases that it is made of, and these depend on that
--- root, which is then the seed, where they depended on what it was made by.
---@param declared bq.Declaration
---@param set string
---@return bq.Declaration
function declaration.inside(declared, set)
  local kept, phases = {}, {}
  for _, name in ipairs(declared.finish and declared.finish[set] or {}) do
    kept[name] = true
  end
  for _, phase in ipairs(declared.phases) do
    if kept[phase.name] then
      ---@type table<string, any>, string[], table<string, boolean>
      local copy, base, seen = {}, {}, {}
      for field, value in pairs(phase) do
        copy[field] = value
      end
      for _, name in ipairs(declaration.base(phase, set)) do
        local below = kept[name] and name or "seed"
        if not seen[below] then
          seen[below] = true
          base[#base + 1] = below
        end
      end
      copy.base, copy.base_in = base, nil
      phases[#phases + 1] = copy
    end
  end
  local out = {} ---@type table<string, any>
  for field, value in pairs(declared) do
    out[field] = value
  end
  out.phases = phases
  out.roots = declared.roots and roots_inside(declared.roots, kept)
  return out --[[@as bq.Declaration]]
end

return declaration
