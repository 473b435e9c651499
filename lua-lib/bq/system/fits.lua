-- What of a page does not fit together on its disk, as far as it can be told before anything is built: whether the files of packages
-- fit is known only when they are there.
local disk = require "bq.image.disk"
local files = require "bq.files"
local tables = require "bq.tables"

local fits = {}

local SET_ID_OR_STICKY <const> = files.mode "7000"

--- What of the fields that name paths cannot be on a FAT.
local function on_fat(system, mount, own, all, say)
  local function each(of, check)
    for path, value in tables.sorted(of) do
      if path:sub(1, #mount + 1) == mount .. "/" then
        check(path, value)
      end
    end
  end
  local where = ("the partition `%s`, which is a FAT"):format(mount)
  each(system.owners, function(path)
    say("owners." .. path, ("names what is on %s and has no owners"):format(where))
  end)
  each(system.modes, function(path, mode)
    if tonumber(mode, 8) & SET_ID_OR_STICKY ~= 0 then
      say("modes." .. path, ("is %s, of what is on %s and has no such modes"):format(mode, where))
    end
  end)
  each(system.capabilities, function(path)
    say("capabilities." .. path, ("names what is on %s and has no capabilities"):format(where))
  end)
  each(own, function(path, one)
    if one.link then
      say("files", ("has `%s`, a link, on %s and has no links"):format(path, where))
    end
  end)
  for name, user in tables.sorted(all.users) do
    if user.home and (user.home .. "/"):sub(1, #mount + 1) == mount .. "/" and user.uid ~= 0 then
      say(("users.%s.home"):format(name), ("is `%s`, on %s and has no owners"):format(user.home, where))
    end
  end
end

--- Names what does not fit together.
---@param system table with the defaults, without what is wrong by itself
---@param own table<string, bq.system.File> the system's own files
---@param all bq.system.Accounts
---@param say bq.system.Say
function fits.check(system, own, all, say)
  local layout = system.disk or {}
  for index, one in ipairs(#disk.problems(layout) == 0 and layout.partitions or {}) do
    local at = ("disk.partitions[%d]"):format(index)
    for place, other in ipairs(system.fstab) do
      if other.mount == one.mount then
        say(("fstab[%d].mount"):format(place), ("is `%s`, and so is that of %s"):format(other.mount, at))
      end
    end
    local path = ""
    for part in one.mount:gmatch "[^/]+" do
      path = path .. "/" .. part
      if own[path] and not own[path].folder then
        local what = own[path].link and "a link" or "a file"
        say(at .. ".mount", ("is `%s`, and `%s` is %s of the folder `files`"):format(one.mount, path, what))
      end
    end
    if one.filesystem == "fat32" then
      on_fat(system, one.mount, own, all, say)
    end
  end
  for path in tables.sorted(system.modes) do
    if own[path] and own[path].link then
      say("modes." .. path, "names a link, which has no mode")
    end
  end
  for path in tables.sorted(system.capabilities) do
    if own[path] and not own[path].copy then
      say("capabilities." .. path, "names what is no file")
    end
  end
end

return fits
