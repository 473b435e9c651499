-- Kconfig as in busybox: the default configuration, then the options of the recipe, then `make oldconfig`.
local tables = require "bq.tables"

local busybox = {
  fields = {
    config = "map", -- option without `CONFIG_` = true, false, a number or a text
  },
}

---@param b bq.Step
local function make(b, arguments, options)
  local argv =
    { "O=" .. b.build, "-C", b.src, "CC=" .. b.env.CC, "HOSTCC=" .. b.env.HOSTCC, "AR=" .. b.env.AR, "SKIP_STRIP=y" }
  b:make(tables.append(argv, arguments), options)
end

local function line(name, value)
  if value == false then
    return ("# CONFIG_%s is not set"):format(name)
  elseif value == true then
    return ("CONFIG_%s=y"):format(name)
  end
  return ("CONFIG_%s=%s"):format(name, type(value) == "string" and ("%q"):format(value) or value)
end

---@param b bq.Step
function busybox.configure(b)
  make(b, { "defconfig" })
  local path, config = b.build .. "/.config", b.recipe.config or {}
  local lines = {}
  for text in b:read(path):gmatch "[^\n]+" do
    local name = text:match "^CONFIG_([%w_]+)=" or text:match "^# CONFIG_([%w_]+) is not set"
    if config[name] == nil then
      lines[#lines + 1] = text
    end
  end
  for name, value in pairs(config) do
    lines[#lines + 1] = line(name, value)
  end
  b:write(path, table.concat(lines, "\n") .. "\n")
  -- An option can enable new questions. They get their defaults.
  make(b, { "oldconfig" }, { input = ("\n"):rep(1000) })
end

---@param b bq.Step
function busybox.build(b)
  make(b, { "busybox" })
end

---@param b bq.Step
function busybox.install(b)
  make(b, { "install", "CONFIG_PREFIX=" .. b.dest .. b.prefix })
end

return busybox
