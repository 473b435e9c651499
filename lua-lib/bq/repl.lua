-- The prompt of `bq -i`: reads lines and shows the values of expressions. Variables that a line sets stay.
local fail = require "bq.fail"

local function show(ok, ...)
  if not ok then
    io.stderr:write(table.concat(fail.lines((...)), "\n"), "\n")
  elseif select("#", ...) > 0 then
    print(...)
  end
end

--- Reads and runs lines until the input ends.
local function repl()
  setmetatable(_G, nil)
  local pending = ""
  while true do
    io.stdout:write(pending == "" and "> " or ">> ")
    io.stdout:flush()
    local line = io.read "l"
    if not line then
      io.stdout:write "\n"
      return
    end
    pending = pending == "" and line or pending .. "\n" .. line
    local chunk, message = load("return " .. pending, "=stdin")
    if not chunk then
      chunk, message = load(pending, "=stdin")
    end
    if chunk then
      pending = ""
      show(xpcall(chunk, function(err)
        return fail.is_expected(err) and err or debug.traceback(tostring(err), 2)
      end))
    elseif not message:find "<eof>$" then
      pending = ""
      io.stderr:write("error: ", message, "\n")
    end
  end
end

return repl
