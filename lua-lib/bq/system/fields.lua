-- What the page of a system may say, and what it says if it does not.
local accounts = require "bq.system.accounts"
local boot = require "bq.system.boot"
local disk = require "bq.image.disk"
local json = require "bq.json"
local kernel = require "bq.system.kernel"
local kinds = require "bq.system.kinds"
local network = require "bq.system.network"
local oci = require "bq.image.oci"
local overlay = require "bq.system.overlay"
local parts = require "bq.system.parts"
local services = require "bq.system.services"
local tables = require "bq.tables"

local fields = {}

local NAMES <const> = kinds.list(kinds.NAME, "a list of the names of packages")

--- What is wrong, as lines that begin with the field in quotes, told one by one.
local function tell(lines, say, at)
  for _, line in ipairs(lines) do
    local place, message = line:match "^`([^`]+)`:? (.*)$"
    say(place or at, message or "is not right: " .. line)
  end
end

---@param value any
---@param say bq.system.Say
---@param at string
local function disk_kind(value, say, at)
  if value ~= false then
    tell(disk.problems(value, at), say, at)
  end
end

---@param value any
---@param say bq.system.Say
---@param at string
local function container_kind(value, say, at)
  if type(value) ~= "table" then
    say(at, "is not a table")
    return
  end
  tell(oci.problems(value, at), say, at)
end

--- What a page may say; one whose name ends in `?` has a value in `defaults`.
---@type table<string, bq.system.Kind>
fields.KINDS = {
  name = kinds.NAME,
  packages = NAMES,
  ["about?"] = kinds.LINE,
  ["set?"] = kinds.NAME,
  ["parts?"] = kinds.list(kinds.one_of(parts.NAMES), "a list of parts"),
  ["bq?"] = kinds.flag,
  ["hostname?"] = network.hostname,
  ["timezone?"] = kinds.text("[%w_+-]+[/%w_+-]*", "the name of a time zone, such as Europe/Berlin", 64),
  ["locale?"] = kinds.text("[%w_.@-]+", "the name of a locale, such as C.UTF-8", 64),
  ["motd?"] = kinds.text("[^%z]*", "a text", 65536),
  ["dns?"] = network.DNS,
  ["network?"] = network.kind,
  ["ntp?"] = network.ntp,
  ["sysctl?"] = boot.SYSCTL,
  ["fstab?"] = boot.fstab,
  ["users?"] = accounts.users,
  ["groups?"] = function(value, say)
    accounts.check_groups(value, say)
  end,
  ["console?"] = boot.CONSOLE,
  ["services?"] = services.kind,
  ["files?"] = kinds.text("[^%c]+", "the path of a folder", 1024),
  ["owners?"] = overlay.OWNERS,
  ["modes?"] = overlay.MODES,
  ["capabilities?"] = overlay.CAPABILITIES,
  ["secret?"] = overlay.PATHS,
  ["replaces?"] = overlay.PATHS,
  ["kernel?"] = kernel.KIND,
  ["disk?"] = disk_kind,
  ["container?"] = container_kind,
}

--- What a system is that says nothing else. Lists of JSON know that they are lists.
---@return table<string, any>
function fields.defaults()
  return {
    about = "",
    set = "core",
    parts = json.array { "run" },
    bq = false,
    timezone = "UTC",
    locale = "C.UTF-8",
    dns = json.array {},
    network = network.DEFAULT,
    ntp = json.array(tables.copy(network.CLOCK)),
    sysctl = {},
    fstab = json.array {},
    users = {},
    groups = {},
    console = "login",
    services = {},
    owners = {},
    modes = {},
    capabilities = {},
    secret = json.array {},
    replaces = json.array {},
    kernel = {},
  }
end

--- What an image of a system is to be.
---@param system bq.System
---@return bq.ImageSpec
function fields.image(system)
  return {
    disk = system.disk or nil,
    container = system.container,
    command_line = system.kernel.command_line,
  }
end

return fields
