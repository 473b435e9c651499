-- The root of a system, as parts that `bq.stage.union` joins: the packages, without what belongs to other parts of them, and a
-- layer of the files that the system says.
local accounts = require "bq.system.accounts"
local capability = require "bq.capability"
local closure = require "bq.system.closure"
local fail = require "bq.fail"
local fields = require "bq.system.fields"
local files = require "bq.files"
local fs = require "bq.fs"
local kinds = require "bq.system.kinds"
local overlay = require "bq.system.overlay"
local page = require "bq.system.page"
local paths = require "bq.paths"
local root_fields = require "bq.plan.root_fields"
local settings = require "bq.system.settings"
local tables = require "bq.tables"
local union = require "bq.stage.union"

local root = {}

---@class bq.system.Root
---@field parts bq.Part[] the lowest first
---@field steps bq.PlanStep[]
---@field why table<string, bq.system.Why[]> by step id
---@field secret table<string, true> paths whose content is in no record, without a leading `/`
---@field joined? bq.Union of the parts, with what the page says of owners and modes

-- The command by which a user becomes root. The program that it leads to has to be set-user-id; one of many commands drops that for
-- the others.
local SU <const> = "usr/bin/su"
local SET_USER_ID <const> = "4755"

--- Writes the files of a layer into a folder, which must not exist.
---@param folder string
---@param all table<string, bq.system.File>
---@param below table<string, bq.Placed> what the packages have: their folders stay as they are
---@return table<string, bq.Attribute>
local function write_layer(folder, all, below)
  local attributes = {}
  fs.mkdir(folder)
  for path, one in tables.sorted(all) do
    local place = folder .. path
    fs.mkdir(files.parent(place))
    if one.link then
      fs.symlink(one.link, place)
    elseif one.folder then
      fs.mkdir(place)
      fs.chmod(place, files.mode(one.mode or "0755") --[[@as integer]])
    elseif one.copy then
      fs.copy(one.copy, place)
      fs.chmod(place, files.mode(one.mode or "0644") --[[@as integer]])
    else
      fs.write(place, one.text, { mode = files.mode(one.mode or "0644"), sync = false })
    end
    if (one.uid or 0) ~= 0 or (one.gid or 0) ~= 0 then
      attributes[path:sub(2)] = { uid = one.uid, gid = one.gid }
    end
  end
  for _, entry in ipairs(fs.walk(folder)) do
    local found, said = below[entry.path], all["/" .. entry.path]
    if entry.type == "dir" and found and found.type == "dir" and not (said and said.mode) then
      local own = found.attributes or {}
      attributes[entry.path] = { uid = own.uid, gid = own.gid, mode = own.mode or found.mode }
    end
  end
  return attributes
end

--- Raises if anything was said.
local function checker(plan)
  local notes = {}
  return function(at, message)
    notes[#notes + 1] = ("  %s`%s` %s"):format(page.place(plan, at), at, message)
  end, function()
    if #notes > 0 then
      fail.raise(("the system `%s` does not fit together"):format(plan.system.name), {
        notes = notes,
        hint = "mend its page, then run the same command again",
      })
    end
  end
end

--- What the page says of owners, modes and capabilities, as attributes of paths that have to be there.
local function set_attributes(system, all, entries, modes, say)
  local function at(path, field)
    local found = entries[paths.relative(path)]
    if not found then
      say(("%s.%s"):format(field, path), "names a path that is not in the root")
      return {}
    end
    local copy = {}
    for name, value in pairs(found.attributes or {}) do
      copy[name] = value
    end
    found.attributes = copy
    return copy, found
  end
  for path, text in tables.sorted(system.owners) do
    local one = at(path, "owners")
    one.uid, one.gid = overlay.owner_ids("owners." .. path, text, all, say)
  end
  for path, mode in tables.sorted(modes) do
    local one, found = at(path, "modes")
    if found and found.type == "link" then
      say("modes." .. path, "names a link, which has no mode")
    end
    one.mode = tonumber(mode, 8)
  end
  for path, text in tables.sorted(system.capabilities) do
    local one, found = at(path, "capabilities")
    if found and found.type ~= "file" then
      say("capabilities." .. path, "names what is no file")
    end
    one.capabilities = capability.encode(text)
  end
end

--- The file that a path of the root leads to.
---@param entries table<string, bq.Placed>
---@param path string
---@return string? path without a leading `/`; `nil` if there is none
local function find_file(entries, path)
  local found = files.follow(path, function(name)
    local entry = entries[name]
    return entry and entry.type == "link" and entry.target or nil
  end)
  return found and entries[found] and entries[found].type == "file" and found or nil
end

--- What the settings name has to be in the root.
local function check_programs(system, running, entries, say)
  local function is_there(path)
    return find_file(entries, path) ~= nil
  end
  for name, one in tables.sorted(running) do
    if not is_there(one.run[1]) then
      say(("services.%s.run"):format(name), ("starts `%s`, which no package of the root has"):format(one.run[1]))
    end
  end
  for name, user in tables.sorted(system.users) do
    if user.shell and not is_there(user.shell) then
      say(("users.%s.shell"):format(name), ("is `%s`, which no package of the root has"):format(user.shell))
    end
  end
  if system.timezone ~= "UTC" and not is_there("usr/share/zoneinfo/" .. system.timezone) then
    say("timezone", ("is `%s`, and no package of the root has that zone"):format(system.timezone))
  end
end

--- Raises if the plan holds what no page and no recipe can say: a workspace may be somebody else's.
local function require_sound(plan)
  local notes = {}
  local function say(at, message)
    notes[#notes + 1] = ("  `%s` %s"):format(at, message)
  end
  if plan.system then
    kinds.record(fields.KINDS)(plan.system, say, "system")
  end
  for _, step in ipairs(plan.steps) do
    root_fields.check(step, function(_, message)
      notes[#notes + 1] = ("  %s: %s"):format(step.id, message)
    end)
  end
  if #notes > 0 then
    fail.raise("the plan holds what cannot be in it", {
      notes = notes,
      hint = "plan again: `bq scripts/build_sysroot.lua`",
    })
  end
end

--- The packages of a root of one's own, without the parts of them that were not asked for.
---@param build bq.State that has looked into the store
---@return bq.Part[]
---@return bq.system.Closure
function root.packages(build)
  require_sound(build.plan)
  local found, out = closure.of(build), {}
  for index, step in ipairs(found.steps) do
    local part = union.part(build, step)
    part.leave_out = tables.append(tables.copy(part.leave_out), build.plan.root.leave_out)
    part.left_out = found.left_out[step.id]
    out[index] = part
  end
  return out, found
end

--- The root of a system, or of what `--with` asked for.
---@param build bq.State that has looked into the store
---@param folder string for the files of the system; must not exist
---@param secrets bq.Secrets
---@param base string the folder of the page
---@return bq.system.Root
function root.of(build, folder, secrets, base)
  local parts, found = root.packages(build)
  local out = { parts = parts, steps = found.steps, why = found.why, secret = {} }
  local system = build.plan.system
  if not system then
    return out
  end
  local say, finish = checker(build.plan)
  local made, all, running = settings.files(system, found.steps, secrets.passwords, say)
  local own = page.own_files(system, base, made, all, say)
  finish()
  local is_secret = paths.matcher(system.secret)
  for path in tables.sorted(system.files and own or {}) do
    made[path] = made[path] or own[path]
  end
  for path, one in pairs(made) do
    if one.secret or is_secret(path) then
      out.secret[path:sub(2)] = true
    end
  end
  -- The settings are what the system says, so packages give way to them. Its own files replace those that it names.
  local yields = tables.copy(system.replaces)
  for path, one in tables.sorted(made) do
    yields[#yields + 1] = not own[path] and not (one.folder and not one.mode) and path or nil
  end
  for _, part in ipairs(parts) do
    part.yields = tables.append(tables.copy(part.yields --[[@as string[] ]]), yields)
  end
  parts[#parts + 1] = {
    package = ("the system `%s`"):format(system.name),
    path = folder,
    attributes = write_layer(folder, made, union.of(parts).entries),
  }
  local joined = union.of(parts)
  local entries = joined.entries
  local modes = {}
  local su = accounts.wants_su(all, secrets.passwords) and find_file(entries, SU)
  if su then
    modes["/" .. su] = SET_USER_ID
  end
  for path, mode in pairs(system.modes) do
    modes[path] = mode
  end
  set_attributes(system, all, entries, modes, say)
  check_programs(system, running, entries, say)
  finish()
  for path, entry in pairs(entries) do
    joined.attributes[path] = entry.attributes
  end
  out.joined = joined
  return out
end

return root
