-- The kernel as one EFI program without modules. Fragments name all options that are on. The same source gives the same
-- bytes. The kernel's makefiles tell clang the target.
local fail = require "bq.fail"
local nearest = require "bq.nearest"
local tables = require "bq.tables"

local kernel = {
  fields = {
    fragments = "texts", -- files of `CONFIG_NAME=value` lines, a later one wins; together they name all options that are on
    configs = "choices", -- by name, further such files: a system chooses one by `kernel = { config = NAME }`
    make = "strings", -- more arguments of every make
  },
}

---@class bq.kernel.Option
---@field value string as a line of a configuration has it; `n` is off
---@field file string
---@field line integer

local function is_value(text)
  for _, pattern in ipairs(text and { "^[yn]$", "^%-?%d+$", "^0[xX]%x+$", '^"[^"]*"$' } or {}) do
    if text:gsub("\\.", ""):find(pattern) then
      return true
    end
  end
  return false
end

--- The options that a file of Kconfig sets, such as a fragment or a `.config`.
---@param file { name: string, text: string }
---@param say? fun(line: integer, message: string) told of what is wrong
---@return table<string, bq.kernel.Option> by name, without `CONFIG_`
---@return string[] names in the order of the file
function kernel.options(file, say)
  local out, names, number = {}, {}, 0
  say = say or function() end
  for line in (file.text .. "\n"):gmatch "(.-)\n" do
    number = number + 1
    local name, value = line:match "^CONFIG_([%w_]+)=(.*)$"
    local off = line:match "^# CONFIG_([%w_]+) is not set$"
    if name and value == "m" then
      say(number, ("`%s` asks for a module, and the kernel is one file; say `y`"):format(line))
    elseif off or is_value(value) then
      name, value = name or off, value or "n"
      local before = out[name]
      if before and before.value ~= value then
        say(number, ("sets `CONFIG_%s` to %s, and line %d to %s"):format(name, value, before.line, before.value))
      end
      names[#names + 1] = not before and name or nil
      out[name] = { value = value, file = file.name, line = number }
    elseif not line:find "^%s*#" and line:find "%S" then
      say(
        number,
        ("is `%s`, expected `CONFIG_NAME=value` or `# CONFIG_NAME is not set`"):format((line:gsub("%c", "?")))
      )
    end
  end
  return out, names
end

--- When the plan is made, adds to the fragments what the system chooses, and checks those of the recipe.
---@param fields table of the step, with the texts of files; changed
---@param system? bq.System
---@param say fun(file: string, line: integer, message: string) told of what is wrong
function kernel.settle(fields, system, say)
  local wish = system and system.kernel or {}
  local added = fields.configs and fields.configs[wish.config or ""]
  local fragments = tables.append(tables.append({}, fields.fragments), added)
  for _, one in ipairs(fragments) do
    kernel.options(one, function(line, message)
      say(one.name, line, message)
    end)
  end
  fields.fragments, fields.configs = tables.append(fragments, wish.fragments), nil
end

---@param b bq.Step
local function arguments(b, more)
  local argv = { "-C", b.src, "O=" .. b.build, "ARCH=" .. b.kernel_arch, "LLVM=1" }
  for _, list in ipairs { b.recipe.make or {}, more } do
    tables.append(argv, list)
  end
  return argv
end

--- The builder and the time that the kernel reports. They are the same on every machine.
---@param b bq.Step
local function environment(b)
  return {
    KBUILD_BUILD_TIMESTAMP = os.date("!%a %b %e %H:%M:%S UTC %Y", b.epoch),
    KBUILD_BUILD_USER = "bq",
    KBUILD_BUILD_HOST = "bq",
    KBUILD_BUILD_VERSION = "1",
  }
end

---@class bq.kernel.Entry
---@field needs string[] what it depends on
---@field has_prompt boolean whether it can be set

--- What the source says of options in its files of Kconfig.
---@param b bq.Step
---@return table<string, bq.kernel.Entry> by name
local function entries(b)
  local out = {} ---@type table<string, bq.kernel.Entry>
  local function add(text)
    local entry ---@type bq.kernel.Entry?
    for line in text:gmatch "[^\n]+" do
      local name = line:match "^%s*config%s+([%w_]+)%s*$" or line:match "^%s*menuconfig%s+([%w_]+)%s*$"
      if name then
        out[name] = out[name] or { needs = {}, has_prompt = false }
        entry = out[name]
      elseif line:find "^%S" or line:find "^%s+help%s*$" then
        entry = nil
      elseif entry then
        entry.needs[#entry.needs + 1] = line:match "^%s+depends on%s+(.*)$"
        entry.has_prompt = entry.has_prompt or line:find "^%s+%l+%s+[\"']" ~= nil
      end
    end
  end
  for _, file in ipairs(b:walk(b.src)) do
    if file.type == "file" and file.path:find "Kconfig[^/]*$" then
      add(b:read(b.src .. "/" .. file.path))
    end
  end
  return out
end

--- Why Kconfig leaves an option out, as far as its entries tell.
---@param name string
---@param known table<string, bq.kernel.Entry>
---@return string
local function reason(name, known)
  local entry = known[name]
  if not entry then
    local near = nearest(name, known)
    return "this kernel has no such option" .. (near and (", did you mean `CONFIG_%s`?"):format(near) or "")
  end
  return not entry.has_prompt and "it is on where another option selects it, and cannot be set"
    or #entry.needs > 0 and "it depends on " .. table.concat(entry.needs, " && ")
    or "what it depends on is off"
end

--- Adds to what is off what is lost with it: options that depend on one that is off.
---@param off table<string, true> changed
---@param lost string[]
---@param known table<string, bq.kernel.Entry>
local function take_along(off, lost, known)
  local again = false
  for _, name in ipairs(lost) do
    for negation, needed in table.concat(known[name] and known[name].needs or {}, " "):gmatch "(!?)([%w_]+)" do
      if negation == "" and off[needed] and not off[name] then
        off[name], again = true, true
      end
    end
  end
  if again then
    take_along(off, lost, known)
  end
end

--- Raises if the configuration is not what was wanted: Kconfig silently drops options that it does not know, and options whose
--- dependencies are off.
---@param b bq.Step
---@param wanted table<string, bq.kernel.Option>
---@param order string[] names
local function require_taken(b, wanted, order)
  local made = kernel.options { name = ".config", text = b:read(b.build .. "/.config") }
  local values, lost, off, notes = {}, {}, {}, {}
  for _, name in ipairs(order) do
    values[name] = made[name] and made[name].value or "n"
    lost[#lost + 1] = values[name] ~= wanted[name].value and name or nil
    off[name] = wanted[name].value == "n" and values[name] == "n" or nil
  end
  local known = #lost > 0 and entries(b) or {}
  -- What a fragment turns off takes along what depends on it.
  take_along(off, lost, known)
  for _, name in ipairs(lost) do
    local one, value = wanted[name], values[name]
    local why = value == "n" and reason(name, known) or ("it became `%s`"):format(value)
    notes[#notes + 1] = not off[name] and ("  %s:%d: CONFIG_%s=%s: %s"):format(one.file, one.line, name, one.value, why)
      or nil
  end
  if #notes > 0 then
    fail.raise("the kernel's configuration leaves out what is wanted", { notes = notes })
  end
end

---@param b bq.Step
function kernel.configure(b)
  local wanted, order = {}, {}
  for _, fragment in ipairs(b.recipe.fragments) do
    local options, names = kernel.options(fragment)
    for _, name in ipairs(names) do
      order[#order + 1] = not wanted[name] and name or nil
      wanted[name] = options[name]
    end
  end
  local lines = {}
  for index, name in ipairs(order) do
    lines[index] = ("CONFIG_%s=%s\n"):format(name, wanted[name].value)
  end
  local path <const> = b.build .. "/fragments.config"
  b:write(path, table.concat(lines))
  b:make(arguments(b, { "KCONFIG_ALLCONFIG=" .. path, "allnoconfig" }), { env = environment(b) })
  require_taken(b, wanted, order)
end

---@param b bq.Step
function kernel.build(b)
  local image = b:capture({ "make", "-s", table.unpack(arguments(b, { "image_name" })) }, { env = environment(b) })
  b:make(arguments(b, { image:match "[^/]+$" }), { env = environment(b) })
  b:copy(b.build .. "/" .. image, b.build .. "/vmlinuz")
end

---@param b bq.Step
function kernel.install(b)
  b:install(b.build .. "/vmlinuz", "/boot/vmlinuz", "0644")
  b:install(b.build .. "/.config", "/boot/config", "0644")
end

return kernel
