-- `{name}` in the texts of recipes and phases: it stands for a value, a name that stands for nothing is a mistake. `${name}`
-- is the shell's, make's or pkg-config's, and stays; `{{name}}` is how `{name}` itself is written.
local fail = require "bq.fail"
local json = require "bq.json"
local nearest = require "bq.nearest"

local template = {}

local function set(names)
  local out = {}
  for name in names:gmatch "%S+" do
    out[name] = true
  end
  return out
end

--- What the places of a source can name.
template.SOURCE = set "name version"
--- What the plan itself puts in: into `include`, `leave_out` and so on.
template.PLAN = set "name version phase arch kernel_arch target prefix sysroot"
--- What a phase's environment can name.
template.ENV = set "name version phase arch kernel_arch target prefix sysroot src build dest jobs"
--- What the fields of a recipe can name that its strategy reads.
template.FIELDS = set "name version phase arch kernel_arch target prefix sysroot src build dest jobs cc cxx"

--- Calls a function with each name in braces, and puts what it returns there.
local function replace(text, call)
  return (
    text:gsub("(%$?)({+)([%l_]+)(}+)", function(dollar, open, name, close)
      if dollar ~= "" then
        return nil
      end
      local pairs_of = math.min(#open, #close) --[[@as integer]]
      local middle = pairs_of == 1 and call(name) or ("{"):rep(pairs_of - 1) .. name .. ("}"):rep(pairs_of - 1)
      return open:sub(pairs_of + 1) .. middle .. close:sub(pairs_of + 1)
    end)
  )
end

--- What to say of a name that stands for nothing.
---@param name string
---@param known table<string, any>
---@return string
function template.advice(name, known)
  local near = nearest(name, known)
  return (near and ("did you mean `{%s}`? "):format(near) or "")
    .. ("`{{%s}}` is how the text `{%s}` is written"):format(name, name)
end

--- The first name in the texts of a value that is not known; `nil` if there is none.
---@param value any
---@param known table<string, any>
---@return string?
function template.unknown(value, known)
  local found
  if type(value) == "string" then
    replace(value, function(name)
      found = found or (known[name] == nil and name or nil)
      return name
    end)
  elseif type(value) == "table" then
    for _, item in pairs(value) do
      local name = template.unknown(item, known)
      -- The order of a table is any: the message is always the same one.
      if name and (not found or name < found) then
        found = name
      end
    end
  end
  return found
end

--- Puts values in place of their names, in a text or in all texts of a table, which is copied.
---@param value any
---@param values table<string, string|number>
---@return any
function template.fill(value, values)
  if type(value) == "string" then
    return replace(value, function(name)
      local found = values[name]
      if found == nil then
        fail.raise(("`{%s}` stands for nothing"):format(name), { hint = template.advice(name, values) })
      end
      return tostring(found)
    end)
  elseif type(value) == "table" then
    -- A list of JSON hides its metatable; its copy stays a list, also when empty.
    local out = getmetatable(value) == false and json.array {} or {}
    for key, item in pairs(value) do
      out[key] = template.fill(item, values)
    end
    return out
  end
  return value
end

return template
