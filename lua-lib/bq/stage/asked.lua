-- What a workspace is asked for: what this command line says, and for the rest what it was asked for the last time. So a
-- command that says nothing never leads from a small set into a large one.
local args = require "bq.args"
local fail = require "bq.fail"
local fetch = require "bq.fetch"
local log = require "bq.log"

local asked = {}

--- The options that stay until something else is asked for. `--with=` asks for nothing.
local KEPT <const> = { "set", "system", "arch", "seed", "with", "without", "recipes" }
--- Those that are told when they change.
local TOLD <const> = { "set", "system", "arch", "seed", "with", "without" }

local function is_given(value)
  return value ~= nil and (type(value) ~= "table" or #value > 0)
end

--- An option as a command line says it; `nil` if it is not asked for.
local function shown(name, value)
  if type(value) == "table" then
    value = table.concat(args.list(value), ",")
  end
  return value and value ~= "" and ("--%s %s"):format(name, fetch.shown(value)) or nil
end

--- Says what is asked for now and was not the last time.
local function tell(options, last, defaults)
  local from, to, same = {}, {}, {}
  for _, name in ipairs(TOLD) do
    local old = not (name == "set" and last.system) and shown(name, last[name] or defaults[name]) or nil
    local new = not (name == "set" and options.system) and shown(name, options[name] or defaults[name]) or nil
    if old ~= new then
      local nothing = name ~= "set" and name ~= "system" and ("no --%s"):format(name) or nil
      from[#from + 1], to[#to + 1] = old or nothing, new or nothing
    elseif is_given(last[name]) and name ~= "arch" then
      same[#same + 1] = new
    end
  end
  if #from + #to > 0 then
    log.info(
      ("this workspace was asked for %s the last time, and now for %s%s"):format(
        table.concat(from, " "),
        table.concat(to, " "),
        #same > 0 and "; what stays is " .. table.concat(same, " ") or ""
      )
    )
  end
end

--- Completes the options of a command line.
---@param options table<string, any> as `args.parse` gave them; changed
---@param last? table<string, any> those of the last time, with the set and the architecture of the plan
---@param defaults { seed?: string }
function asked.complete(options, last, defaults)
  if options.system and options.system ~= "" and options.set then
    fail.usage("`--set` and `--system`: only one of them", "the page of a system says which set builds it")
  end
  -- A set and a system take each other's place.
  local drops = { system = options.set ~= nil or options.system == "" }
  for _, name in ipairs(last and KEPT or {}) do
    if not is_given(options[name]) and not drops[name] then
      options[name] = last[name] or options[name]
    end
  end
  options.system = options.system ~= "" and options.system or nil
  options.set = not options.system and options.set or nil
  if last then
    tell(options, last, defaults)
  end
end

return asked
