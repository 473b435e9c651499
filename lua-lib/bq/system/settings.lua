-- The files that the settings of a system become. They are made when the root is finished: a change of one builds no package.
local accounts = require "bq.system.accounts"
local boot = require "bq.system.boot"
local network = require "bq.system.network"
local services = require "bq.system.services"

local settings = {}

---@class bq.system.File what a path of the root is: one of the first four
---@field text? string
---@field link? string where it leads
---@field folder? boolean
---@field copy? string a file on this machine
---@field mode? string octal; 0644, or 0755 of a folder, if absent
---@field uid? integer 0 if absent
---@field gid? integer
---@field secret? boolean its content is in no record

local PATH <const> = "/usr/local/bin:/usr/bin:/usr/sbin"

local PROFILE <const> = [[
export PATH=%s
export LANG=%s
PS1='\u@\h:\w\$ '
for file in /etc/profile.d/*.sh; do
  [ ! -r "$file" ] || . "$file"
done
unset file
]]

--- The services that run: those that the system says, and the one that sets the clock.
---@param packages table[] steps of the root
---@param system bq.System
---@param users table<string, any>
---@param say bq.system.Say
---@return table<string, bq.system.Service>
function settings.services(packages, system, users, say)
  local all = services.join(packages, system.services, users, say)
  if system.network and system.ntp and system.services.ntp == nil then
    all.ntp = network.clock(system.ntp --[[@as string[] ]])
  end
  return all
end

--- Makes the files of a system.
---@param system bq.System
---@param packages { name: string, users?: table, groups?: table, services?: table }[] steps of the root
---@param passwords table<string, string> hashes by user
---@param say bq.system.Say told of what does not fit together
---@return table<string, bq.system.File> by path
---@return bq.system.Accounts
---@return table<string, bq.system.Service> running
function settings.files(system, packages, passwords, say)
  local files = {} ---@type table<string, bq.system.File>
  local all = accounts.join(packages, system, say)
  local running = settings.services(packages, system, all.users, say)
  services.order(running, say)
  accounts.render(all, passwords, files)
  network.render(system, files)
  if next(running) then
    services.render(running, files)
  end
  boot.render(system, running, files)
  boot.tops(system, all, files, say)
  files["/etc/profile"] = { text = PROFILE:format(PATH, system.locale) }
  files["/etc/profile.d"] = { folder = true }
  if system.motd then
    files["/etc/motd"] = { text = (system.motd:gsub("\n*$", "\n")) }
  end
  if system.timezone ~= "UTC" then
    files["/etc/localtime"] = { link = "/usr/share/zoneinfo/" .. system.timezone }
    files["/etc/timezone"] = { text = system.timezone .. "\n" }
  end
  return files, all, running
end

return settings
