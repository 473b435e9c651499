-- The page of a system: a file of Lua that returns a table, loaded where recipes are, so it cannot touch the machine. All of its
-- mistakes are noted together.
local declaration = require "bq.plan.declaration"
local fail = require "bq.fail"
local fields = require "bq.system.fields"
local files = require "bq.files"
local fits = require "bq.system.fits"
local fs = require "bq.fs"
local json = require "bq.json"
local kernel = require "bq.system.kernel"
local kinds = require "bq.system.kinds"
local lint = require "bq.plan.lint"
local nearest = require "bq.nearest"
local network = require "bq.system.network"
local overlay = require "bq.system.overlay"
local sandbox = require "bq.plan.sandbox"
local schema = require "bq.schema"
local settings = require "bq.system.settings"
local tables = require "bq.tables"

local page = {}

---@class bq.Page
---@field path string of the file
---@field text string
---@field folder string where relative paths of it start
---@field beside? table<string, string> digests of files that it names and the plan holds, by path

---@class bq.Secrets what no record may hold
---@field passwords table<string, string> hashes by user

---@type bq.schema.Format
local SECRETS <const> = {
  what = "the secrets of the system",
  limit = 1 << 20,
  nofollow = true,
  hint = "plan again: `bq scripts/build_sysroot.lua%s`",
  kind = schema.record { passwords = schema.map(schema.text()) },
}

--- A copy in which lists are lists of JSON.
local function as_data(value)
  if type(value) ~= "table" then
    return value
  end
  local out = {} ---@type table<any, any>
  for key, item in pairs(value) do
    out[key] = as_data(item)
  end
  return #out > 0 and json.array(out) or out
end

--- Loads a page. Raises if there is none.
---@param path string
---@return bq.Page
---@return boolean ok
---@return any data what it returns, or the message of its failure
local function load_file(path)
  local stat = fs.stat(path)
  if not stat or stat.type ~= "file" then
    fail.usage(("`--system %s`: there is no such file"):format(path))
  end
  local full = fs.realpath(path)
  local found = { path = path, text = files.chunk(fs.read(full, { limit = 1 << 20 })), folder = files.parent(full) }
  local chunk, message = sandbox.load(found.text, "@" .. path)
  local ok, data = pcall(chunk or function()
    error(message, 0)
  end)
  return found, ok, data
end

--- The table of a page as it stands, unchecked; empty after a mistake.
---@param path string
---@return table<string, any>
function page.peek(path)
  local _, ok, data = load_file(path)
  return ok and type(data) == "table" and getmetatable(data) == nil and data or {}
end

--- Loads the table of a page. Raises if there is none.
---@param path string
---@param recipes bq.Recipes where problems are noted
---@return table? data `nil` after a mistake
---@return bq.Page
local function load_page(path, recipes)
  local found, ok, data = load_file(path)
  if not ok then
    local line, rest = tostring(data):match "^.-:(%d+): (.*)$"
    recipes:problem(found, tonumber(line) or 1, rest or tostring(data))
    return nil, found
  elseif type(data) ~= "table" then
    recipes:problem(found, nil, "a system is a file that returns a table")
    return nil, found
  end
  return lint.is_plain(recipes, found --[[@as bq.Recipe]], data) and data or nil, found
end

--- The recipes of packages and of all that they name, as far as there are such.
local function with_all_below(names, recipes, phase)
  local out, seen, index = tables.copy(names), {}, 1
  local found = {}
  while out[index] do
    local one, before = not seen[out[index]] and recipes:get(out[index]), #recipes.problems
    seen[out[index]] = true
    if one then
      recipes:lint(one)
    end
    -- What is wrong in a recipe has been noted, and may be of any type.
    if one and #recipes.problems == before then
      local said = recipes:resolve(one, phase)
      found[#found + 1] = said
      tables.append(tables.append(out, said.depends), said.runs_with)
    end
    index = index + 1
  end
  return found
end

--- Notes what is wrong with what a page names.
---@param system table with the defaults
---@param from bq.Page
---@param declared bq.Declaration
---@param recipes bq.Recipes
---@param say bq.system.Say
---@param passwords table<string, string>
local function check_names(system, from, declared, recipes, say, passwords)
  local sets = {}
  for name, root in tables.sorted(declared.roots and declared.roots.sets or {}) do
    sets[name] = root.lists and true or nil
  end
  if not sets[system.set] then
    local near = nearest(system.set, sets)
    local known = table.concat(tables.names(sets), ", ")
    say(
      "set",
      ("is `%s`, which builds no systems"):format(system.set)
        .. (near and (", did you mean `%s`?"):format(near) or known ~= "" and "; these do: " .. known or "")
    )
    return
  end
  for index, name in ipairs(system.packages) do
    if not recipes:get(name) and recipes.loaded[name] == nil then
      local near = nearest(name, recipes:names())
      say(
        "packages",
        ("has `%s`, for which there is no recipe"):format(name)
          .. (near and (", did you mean `%s`?"):format(near) or "")
      )
    elseif tables.contains({ table.unpack(system.packages, 1, index - 1) }, name) then
      say("packages", ("has `%s` twice"):format(name))
    end
  end
  local names = tables.append(tables.copy(declared.roots.packages), system.packages)
  local phase = declaration.extended(declared, system.set).name
  local packages = with_all_below(names, recipes, phase)
  local made, all = settings.files(system, packages, passwords, say)
  fits.check(system, page.own_files(system, from.folder, made, all, say), all, say)
end

--- The files of the system's own folder, and what is said of owners, of files that need not be there yet.
---@param system bq.System
---@param folder string of the page
---@param made table<string, bq.system.File> what the settings write
---@param all bq.system.Accounts
---@param say bq.system.Say
---@return table<string, bq.system.File>
function page.own_files(system, folder, made, all, say)
  local own = {} ---@type table<string, bq.system.File>
  if system.files then
    local path = system.files --[[@as string]]
    overlay.read(path:find "^/" and path or folder .. "/" .. path, own, say)
    overlay.clashes(own, made, say)
  end
  for path, text in tables.sorted(system.owners) do
    overlay.owner_ids("owners." .. path, text, all, say)
  end
  return own
end

--- The line of a page where a field is, such as `users.ann.uid`: each of its parts after the one before.
local function line_of(text, at)
  local place, rest = 1, at:gsub("%[%d+%]", "")
  while rest ~= "" do
    -- A name with dots or slashes is in quotes.
    local first, last = text:find('"' .. rest .. '"', place, true)
    local part = first and rest or rest:match "^[^.]+" or rest
    if not first then
      first, last = text:find("%f[%w_]" .. part:gsub("%W", "%%%0") .. "%f[^%w_]", place)
    end
    if not first then
      break
    end
    place, rest =
      last, --[[@as integer]]
      rest:sub(#part + 2)
  end
  return select(2, text:sub(1, place):gsub("\n", "")) + 1
end

-- Fields whose entries are looked at one by one.
local ONE_BY_ONE <const> = { users = true, groups = true, services = true }

--- The page with what it does not say filled in, without what is wrong.
local function complete(data, wrong)
  local system = fields.defaults()
  for field, value in pairs(as_data(data)) do
    for name in pairs(ONE_BY_ONE[field] and type(value) == "table" and value or {}) do
      value[name] = not wrong[field .. "." .. tostring(name)] and value[name] or nil
    end
    if not wrong[field] then
      system[field] = value
    end
  end
  system.name, system.packages = system.name or "wrong", json.array(system.packages or {})
  for _, field in ipairs { "parts", "dns", "fstab", "secret", "replaces" } do
    system[field] = json.array(system[field])
  end
  system.hostname = system.hostname or system.name
  return system
end

--- Reads a page. What is wrong is noted in the collection of recipes; then nothing is returned.
---@param path string
---@param declared bq.Declaration
---@param recipes bq.Recipes
---@return bq.System? system what the plan and the records hold
---@return bq.Secrets? secrets what they do not
---@return bq.Page page
function page.read(path, declared, recipes)
  local data, from = load_page(path, recipes)
  if not data then
    return nil, nil, from
  end
  local wrong = {}
  local function say(at, message)
    local field = at:match "^[^.%[]+" or at
    local entry = ONE_BY_ONE[field] and at:match "^[^.]+%.[^.%[]+"
    wrong[entry or field] = true
    recipes:problem(from, line_of(from.text, at), ("`%s` %s"):format(at, message))
  end
  kinds.record(fields.KINDS)(data, say, "")
  local system = complete(data, wrong)
  if not wrong.name and not wrong.hostname and data.hostname == nil then
    network.hostname(system.name, say, "name")
  end
  local secrets = { passwords = {} } ---@type bq.Secrets
  for name, user in pairs(system.users) do
    secrets.passwords[name], user.password = user.password, nil
  end
  if system.disk and system.disk.grow and not system.bq then
    say("disk.grow", "needs bq in the root: `bq = true`")
  end
  from.beside = kernel.settle(system, from.folder, declared, recipes, say, function(name, line, message)
    local place = name:find "^/" and "" or from.path:match "^.*/" or ""
    recipes:problem({ path = place .. name, text = "" }, line, message)
  end)
  check_names(system, from, declared, recipes, say, secrets.passwords)
  if #recipes.problems > 0 then
    return nil, nil, from
  end
  ---@cast system bq.System
  return system, secrets, from
end

--- The folder in which relative paths of a plan's page start; empty if it has no page.
---@param plan { page?: { path: string } }
---@return string
function page.folder(plan)
  return plan.page and files.parent(plan.page.path) or ""
end

--- Where on its page a field of a plan's system is, for messages: `mine.lua:3: `; empty if the page is not the same any more.
---@param plan { page?: { path: string, sha256: string } }
---@param at string `users.ann.uid`
---@return string
function page.place(plan, at)
  local text = plan.page and files.read(plan.page.path)
  if not text or files.chunk_digest(text) ~= plan.page.sha256 then
    return ""
  end
  return ("%s:%d: "):format(files.name(plan.page.path), line_of(text, at))
end

--- The folder of the system's own files, if it has one.
---@param plan bq.Plan
---@return string?
function page.files_folder(plan)
  local folder = plan.system and plan.system.files
  return folder and (folder:find "^/" and folder or page.folder(plan) .. "/" .. folder) or nil
end

--- The secrets of the workspace's system.
---@param space bq.Workspace
---@return bq.Secrets
function page.secrets(space)
  return space:read("secrets.json", SECRETS) or { passwords = {} }
end

return page
