-- The network of a system: its name, the addresses of its cards, name servers, and the clock.
local kinds = require "bq.system.kinds"
local tables = require "bq.tables"

local network = {}

---@class bq.system.Card
---@field addresses string[] with the length of the prefix: `10.0.0.2/24`
---@field gateway? string

--- What a system gets that says nothing: DHCP on each card.
network.DEFAULT = { ["*"] = "dhcp" }
-- Certificates are checked against the clock, and a virtual machine's may be wrong.
network.CLOCK = { "pool.ntp.org" }

local function is_ipv4(text)
  local parts = { text:match "^(%d+)%.(%d+)%.(%d+)%.(%d+)$" }
  for _, part in ipairs(parts) do
    if tonumber(part) > 255 or #part > 1 and part:sub(1, 1) == "0" then
      return false
    end
  end
  return #parts == 4
end

--- Whether a text is an IPv6 address as RFC 4291 writes it, without an embedded IPv4 address.
local function is_ipv6(text)
  if not text:find "^[%x:]+$" or text:find ":::" or select(2, text:gsub("::", "")) > 1 then
    return false
  end
  local groups = 0
  for group in text:gmatch "%x+" do
    groups = groups + 1
    if #group > 4 then
      return false
    end
  end
  local is_open = text:find "::"
  return (groups == 8 and not is_open or groups < 8 and is_open) and not text:find "^:[^:]" and not text:find "[^:]:$"
end

---@param value any
---@param say bq.system.Say
---@param at string
local function address(value, say, at)
  if type(value) ~= "string" or not (is_ipv4(value) or is_ipv6(value)) then
    say(at, ("is `%s`, which is not an address such as 10.0.0.1 or fd00::1"):format(tostring(value)))
  end
end

---@param value any
---@param say bq.system.Say
---@param at string
local function address_with_prefix(value, say, at)
  local host, length = tostring(value):match "^([%x.:]+)/(%d+)$"
  local most = host and is_ipv4(host) and 32 or host and is_ipv6(host) and 128 or 0
  if not length or tonumber(length) > most then
    say(at, ("is `%s`, which is not an address with its prefix, such as 10.0.0.2/24"):format(tostring(value)))
  end
end

local CARD_NAME <const> = kinds.text("[%w*][%w._-]*", "the name of a network card, or `*`", 15)
local CARD <const> = kinds.either(
  function(value)
    return type(value) ~= "table"
  end,
  kinds.one_of { "dhcp", false },
  kinds.record {
    addresses = kinds.list(address_with_prefix, "a list of addresses"),
    ["gateway?"] = address,
  }
)

local CARDS <const> = kinds.map(CARD_NAME, CARD)

--- `false`, or what each card does.
---@param value any
---@param say bq.system.Say
---@param at string
function network.kind(value, say, at)
  if value ~= false then
    CARDS(value, say, at)
  end
end

network.DNS = kinds.list(address, "a list of addresses")
--- RFC 1123: letters, digits and hyphens, at most 63 in a label.
---@param value any
---@param say bq.system.Say
---@param at string
function network.hostname(value, say, at)
  local is_name = type(value) == "string" and #value > 0 and #value <= 64
  for label in tostring(value):gmatch "[^.]*" do
    is_name = is_name and #label <= 63 and label:find "^%w[%w-]*$" ~= nil and not label:find "-$"
  end
  if not is_name then
    say(at, ("is `%s`, which is not the name of a machine: letters, digits and `-`"):format(tostring(value)))
  end
end

local SERVERS <const> =
  kinds.list(kinds.text("[%w.:-]+", "the name or address of a time server"), "a list of time servers")

---@param value any
---@param say bq.system.Say
---@param at string
function network.ntp(value, say, at)
  if value ~= false then
    SERVERS(value, say, at)
  end
end

-- What package `init` runs to bring up the cards, and the file by which its DHCP client leaves the name servers alone.
local START <const> = "/etc/rcS.d/50-network"
local OWN_DNS <const> = "/etc/udhcpc/own-dns"

local function card_lines(card)
  if card == false then
    return "      ;;"
  elseif card == "dhcp" then
    return '      ip link set "$card" up\n      udhcpc -b -S -i "$card" >/dev/null 2>&1 &\n      ;;'
  end
  local lines = {}
  for _, one in ipairs(card.addresses) do
    lines[#lines + 1] = ('      ip addr add %s dev "$card"'):format(one)
  end
  lines[#lines + 1] = '      ip link set "$card" up'
  if card.gateway then
    lines[#lines + 1] = ('      ip route add default via %s dev "$card"'):format(card.gateway)
  end
  lines[#lines + 1] = "      ;;"
  return table.concat(lines, "\n")
end

--- The script that brings up the cards when the machine starts.
---@param cards table<string, bq.system.Card|string|false>|false
---@return string
function network.start_script(cards)
  local lines = { "#!/bin/sh" } ---@type string[]
  if not cards then
    return "#!/bin/sh\n"
  end
  tables.append(lines, {
    "for card in /sys/class/net/*; do",
    '  if [ -e "$card/device" ]; then',
    "    card=${card##*/}",
    "    case $card in",
  })
  for name, card in tables.sorted(cards) do
    if name ~= "*" then
      lines[#lines + 1] = ("    %s)\n%s"):format(name, card_lines(card))
    end
  end
  if cards["*"] then
    lines[#lines + 1] = ("    *)\n%s"):format(card_lines(cards["*"]))
  end
  tables.append(lines, { "    esac", "  fi", "done" })
  return table.concat(lines, "\n") .. "\n"
end

--- Whether the cards do what package `init` does by itself.
local function is_default(cards)
  return cards and cards["*"] == "dhcp" and next(cards, (next(cards))) == nil
end

--- Writes the files of the network.
---@param system bq.System
---@param files table<string, bq.system.File> by path; changed
function network.render(system, files)
  local name = system.hostname
  files["/etc/hostname"] = { text = name .. "\n" }
  files["/etc/hosts"] = { text = ("127.0.0.1 localhost\n::1 localhost\n127.0.1.1 %s\n"):format(name) }
  local servers = {}
  for index, one in ipairs(system.dns or {}) do
    servers[index] = ("nameserver %s\n"):format(one)
  end
  if #servers > 0 then
    files["/etc/resolv.conf"] = { text = table.concat(servers) }
    files[OWN_DNS] = { text = "" }
  end
  if not is_default(system.network) then
    files[START] = { text = network.start_script(system.network), mode = "0755" }
  end
end

--- The service that sets the clock.
---@param servers string[]
---@return bq.system.Service
function network.clock(servers)
  local run = { "/usr/sbin/ntpd", "-n" } ---@type string[]
  for _, server in ipairs(servers) do
    tables.append(run, { "-p", server })
  end
  return { run = run }
end

return network
