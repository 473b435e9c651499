-- Makes it an error to read an unset global, and to set a global in a function.

--- Makes `_G` strict: reading an unset global raises. Only main chunks may set globals.
local function strict()
  if getmetatable(_G) then
    return
  end
  local declared = {}
  setmetatable(_G, {
    __newindex = function(globals, name, value)
      if not declared[name] then
        local info = debug.getinfo(2, "S")
        if info and info.what ~= "main" and info.what ~= "C" then
          error(("assignment to the unset global `%s`; write `local %s`"):format(name, name), 2)
        end
        declared[name] = true
      end
      rawset(globals, name, value)
    end,
    __index = function(_, name)
      if not declared[name] then
        error(("the global `%s` was never set"):format(tostring(name)), 2)
      end
    end,
  })
end

return strict
