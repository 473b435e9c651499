-- Services: programs that run as long as the machine does. busybox's runsvdir starts a runsv for each, which starts the program,
-- starts it again when it ends, and hands what it prints to svlogd.
local kinds = require "bq.system.kinds"
local tables = require "bq.tables"

local services = {}

---@class bq.system.Service
---@field run string[] the program, which stays in the foreground, and its arguments
---@field after? string[] services that have to run before, or, of `once`, to have ended
---@field user? string root if absent
---@field environment? table<string, string>
---@field once? boolean it does its work and ends; it is not started again

--- Where the services of a root are. `sv` looks in /var/service.
services.FOLDER = "/etc/service"
-- What changes while a service runs. Its root may be read-only.
local STATE <const> = "/run/sv"
local LOGS <const> = "/var/log"
-- What package `init` runs when the machine starts and when it is turned off.
local PREPARE <const>, END <const> = "/etc/rcS.d/30-services", "/etc/rcK.d/30-services"
-- What a service may keep of its log: this many files of this many bytes.
local LOG_SIZE <const>, LOG_FILES <const> = 100000, 5
-- A service that ends at once is started again after 1, 2, 4, … seconds, up to this. One that ran for a minute begins anew.
local LONGEST_WAIT <const>, RAN_WELL <const> = 64, 60
-- How long a service may take to end when the machine is turned off.
local STOP <const> = 10

local NAME <const> = kinds.text("[%l%d][%l%d._-]*", "the name of a service", 40)
local ARGUMENT <const> = kinds.text("[^%z]*", "a text")
local VARIABLE <const> = kinds.text("[%a_][%w_]*", "the name of a variable")
local RECORD <const> = kinds.record {
  run = kinds.list(ARGUMENT, "a list of texts: the program and its arguments"),
  ["after?"] = kinds.list(NAME),
  ["user?"] = kinds.NAME,
  ["environment?"] = kinds.map(VARIABLE, ARGUMENT),
  ["once?"] = kinds.flag,
}

---@param value any
---@param say bq.system.Say
---@param at string
local function service(value, say, at)
  RECORD(value, say, at)
  local program = type(value) == "table" and type(value.run) == "table" and value.run[1]
  if type(value) == "table" and type(value.run) == "table" and #value.run == 0 then
    say(at .. ".run", "is empty, expected a program and its arguments")
  elseif type(program) == "string" then
    kinds.path(program, say, at .. ".run[1]")
  end
end

local OF_RECIPE <const> = kinds.map(NAME, service)
local OF_SYSTEM <const> = kinds.map(
  NAME,
  kinds.either(function(value)
    return type(value) == "boolean"
  end, kinds.flag, service)
)

--- What is wrong with the services of a recipe.
---@param value table
---@param say bq.system.Say
function services.check(value, say)
  OF_RECIPE(value, say, "services")
end

--- What is wrong with the services of a system: `true` turns on what a recipe brings.
---@param value any
---@param say bq.system.Say
---@param at string
function services.kind(value, say, at)
  OF_SYSTEM(value, say, at)
end

--- The services that run, from what packages bring and what a system says.
---@param packages { name: string, services?: table<string, bq.system.Service> }[]
---@param said table<string, bq.system.Service|boolean>
---@param users table<string, any> those of the root
---@param say bq.system.Say
---@return table<string, bq.system.Service>
function services.join(packages, said, users, say)
  local brought, of, out = {}, {}, {}
  for _, package in ipairs(packages) do
    for name, one in tables.sorted(package.services or {}) do
      brought[name], of[name] = one, package.name
    end
  end
  for name, one in tables.sorted(said) do
    local at = "services." .. name
    if one == true and not brought[name] then
      local known = tables.names(brought)
      local list = #known > 0 and "; packages bring " .. table.concat(known, ", ") or ""
      say(at, "is turned on, and no package of the system brings it; say what to `run`" .. list)
    elseif one then
      local made = one == true and brought[name] or one --[[@as bq.system.Service]]
      out[name] = made
      if made.user and not users[made.user] then
        say(at .. ".user", ("is `%s`, which is no user of the system"):format(made.user))
      end
    end
  end
  for name, one in tables.sorted(out) do
    for _, other in ipairs(one.after or {}) do
      if not out[other] then
        say(("services.%s.after"):format(name), ("names `%s`, which is no service that runs"):format(other))
      end
    end
  end
  return out
end

--- The names of services, each after those that it waits for.
---@param all table<string, bq.system.Service>
---@param say? bq.system.Say told of a circle
---@return string[]
function services.order(all, say)
  local out, state = {}, {}
  local function visit(name, trail)
    if state[name] == "open" and say then
      say(
        ("services.%s.after"):format(name),
        ("goes in a circle: %s → %s"):format(table.concat(trail, " → "), name)
      )
    end
    if state[name] or not all[name] then
      return
    end
    state[name] = "open"
    for _, other in ipairs(all[name].after or {}) do
      visit(other, tables.append(tables.copy(trail), { name }))
    end
    state[name] = "done"
    out[#out + 1] = name
  end
  for name in tables.sorted(all) do
    visit(name, {})
  end
  return out
end

--- A word in quotes, for the shell.
local function quote(word)
  return "'" .. word:gsub("'", "'\\''") .. "'"
end

local function run_script(name, one)
  local lines = {
    "#!/bin/sh",
    "exec 2>&1",
  }
  for _, other in ipairs(one.after or {}) do
    lines[#lines + 1] = ("until [ -e %s/%s.done ] || grep -q '^run' %s/%s/stat 2>/dev/null; do sleep 1; done"):format(
      STATE,
      other,
      STATE,
      other
    )
  end
  lines[#lines + 1] = ("read -r up rest </proc/uptime; echo ${up%%%%.*} >%s/%s.started"):format(STATE, name)
  for variable, value in tables.sorted(one.environment or {}) do
    lines[#lines + 1] = ("export %s=%s"):format(variable, quote(value))
  end
  local words = {}
  for index, word in ipairs(one.run) do
    words[index] = quote(word)
  end
  local as = one.user and ("chpst -u %s "):format(quote(one.user)) or ""
  lines[#lines + 1] = ("exec %s%s"):format(as, table.concat(words, " "))
  return table.concat(lines, "\n") .. "\n"
end

--- What runs when the program has ended: it waits, so that a program that cannot start does not take all of the machine.
local function finish_script(name, one)
  if one.once then
    return ("#!/bin/sh\n>%s/%s.done\nsv down %s/%s\n"):format(STATE, name, services.FOLDER, name)
  end
  return ([[
#!/bin/sh
read -r up rest </proc/uptime
read -r started 2>/dev/null <STATE.started || started=0
read -r wait 2>/dev/null <STATE.wait || wait=0
ran=$((${up%%.*} - started))
[ "$wait" -gt 0 ] && [ $ran -lt RAN_WELL ] || wait=1
echo $((wait * 2 < LONGEST ? wait * 2 : LONGEST)) >STATE.wait
sleep $wait
]]):gsub("%u%u%u+[_%u]*", {
    STATE = ("%s/%s"):format(STATE, name),
    RAN_WELL = tostring(RAN_WELL),
    LONGEST = tostring(LONGEST_WAIT),
  })
end

--- The lines of a shell that end all services, the last started first.
---@param all table<string, bq.system.Service>
---@return string
function services.stop_lines(all)
  local lines, order = {}, services.order(all)
  for index = #order, 1, -1 do
    lines[#lines + 1] = ("sv -w %d force-stop %s/%s"):format(STOP, services.FOLDER, order[index])
  end
  return table.concat(lines, "\n") .. (#lines > 0 and "\n" or "")
end

--- Writes the folders of services.
---@param all table<string, bq.system.Service>
---@param files table<string, bq.system.File> by path; changed
function services.render(all, files)
  files["/var/service"] = { link = services.FOLDER }
  files[services.FOLDER] = { folder = true }
  files[PREPARE] = { text = ("#!/bin/sh\nmkdir -p %s\n"):format(STATE), mode = "0755" }
  files[END] = { text = "#!/bin/sh\n" .. services.stop_lines(all), mode = "0755" }
  for name, one in tables.sorted(all) do
    local at = ("%s/%s"):format(services.FOLDER, name)
    files[at .. "/run"] = { text = run_script(name, one), mode = "0755" }
    files[at .. "/finish"] = { text = (finish_script(name, one)), mode = "0755" }
    files[at .. "/log/run"] = {
      text = ("#!/bin/sh\nmkdir -p %s/%s\nln -sf %s/log/config %s/%s/config\nexec svlogd -tt %s/%s\n"):format(
        LOGS,
        name,
        at,
        LOGS,
        name,
        LOGS,
        name
      ),
      mode = "0755",
    }
    files[at .. "/log/config"] = { text = ("s%d\nn%d\n"):format(LOG_SIZE, LOG_FILES) }
    files[at .. "/supervise"] = { link = ("%s/%s"):format(STATE, name) }
    files[at .. "/log/supervise"] = { link = ("%s/%s.log"):format(STATE, name) }
  end
end

return services
