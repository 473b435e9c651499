-- What the Lua tests share: named cases, comparisons that say what differs, a report at the end.
local json = require "bq.json"

local check = {}

local function show(value)
  if type(value) == "table" then
    local ok, text = pcall(json.encode, value)
    return ok and text or tostring(value)
  end
  return type(value) == "string" and ("%q"):format(value) or tostring(value)
end

--- Both are the same, tables by content.
function check.equal(actual, expected, what)
  if show(actual) ~= show(expected) then
    error(("%s\n  expected %s\n  actual   %s"):format(what or "not equal", show(expected), show(actual)), 2)
  end
end

function check.truthy(value, what)
  if not value then
    error(what or ("not true: " .. show(value)), 2)
  end
end

--- The text holds a part, taken literally.
function check.contains(text, part)
  if not tostring(text):find(part, 1, true) then
    error(("missing %q in:\n%s"):format(part, tostring(text)), 2)
  end
end

--- The function raises; returns what it raised. With `part`, its text holds that.
function check.raises(body, part)
  local ok, err = pcall(body)
  if ok then
    error("nothing was raised", 2)
  end
  if part then
    check.contains(tostring(err), part)
  end
  return err
end

--- Runs cases in order; the first failure ends the program.
---@param cases table<integer, [string, fun()]>
function check.run(cases)
  for _, case in ipairs(cases) do
    local name, body = case[1], case[2]
    local ok, err = xpcall(body, function(err)
      return tostring(err) .. "\n" .. debug.traceback(nil, 2)
    end)
    if not ok then
      error(name .. ": " .. err, 0)
    end
    print("ok " .. name)
  end
end

return check
