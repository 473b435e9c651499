-- File capabilities: converts the text that setcap(8) takes to the bytes that the kernel stores
-- (`security.capability`).
local hex = require "bq.hex"

local capability = {}

-- In the order of their numbers, see capabilities(7).
-- stylua: ignore
local NAMES <const> = {
  "chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill", "setgid", "setuid", "setpcap", "linux_immutable",
  "net_bind_service", "net_broadcast", "net_admin", "net_raw", "ipc_lock", "ipc_owner", "sys_module", "sys_rawio",
  "sys_chroot", "sys_ptrace", "sys_pacct", "sys_admin", "sys_boot", "sys_nice", "sys_resource", "sys_time",
  "sys_tty_config", "mknod", "lease", "audit_write", "audit_control", "setfcap", "mac_override", "mac_admin", "syslog",
  "wake_alarm", "block_suspend", "audit_read", "perfmon", "bpf", "checkpoint_restore",
}
local NUMBERS <const> = {}
for index, name in ipairs(NAMES) do
  NUMBERS[name] = index - 1
end
local REVISION_2 <const> = 0x02000000

--- The known names, with the prefix `cap_`.
---@return table<string, true>
function capability.names()
  local out = {}
  for _, name in ipairs(NAMES) do
    out["cap_" .. name] = true
  end
  return out
end

--- The bytes of a text such as `cap_net_raw,cap_net_admin=ep`, in hexadecimal digits.
---@param text string
---@return string? hex
---@return string? problem what is wrong with the text, if something is
function capability.encode(text)
  local permitted, inheritable, effective, count = 0, 0, 0, 0
  for clause in text:gmatch "%S+" do
    local names, flags = clause:match "^([%w_,]+)[=+]([eip]+)$"
    if not names then
      return nil, ("`%s` is not of the form `cap_net_raw=ep`"):format(clause)
    end
    for name in names:gmatch "[^,]+" do
      local number = NUMBERS[name:lower():match "^cap_(.+)$" or ""]
      if not number then
        return nil, ("there is no capability `%s`"):format(name)
      end
      permitted = flags:find "p" and permitted | 1 << number or permitted
      inheritable = flags:find "i" and inheritable | 1 << number or inheritable
      effective = flags:find "e" and effective | 1 << number or effective
      count = count + 1
    end
  end
  if count == 0 then
    return nil, "it names no capability"
  elseif effective ~= 0 and effective ~= permitted | inheritable then
    return nil, "a file's capabilities are effective all together or not at all"
  end
  local low <const> = 0xffffffff
  local bytes = ("<I4I4I4I4I4"):pack(
    REVISION_2 | (effective ~= 0 and 1 or 0),
    permitted & low,
    inheritable & low,
    permitted >> 32,
    inheritable >> 32
  )
  return hex(bytes)
end

return capability
