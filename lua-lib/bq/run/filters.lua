-- What the kernel denies the processes of a root, and what it answers in its place.
local syscall = require "bq.syscall"

local filters = {}

-- What a step may keep: nothing of these reaches beyond its own namespaces, and nothing can be made with them that a user
-- could not remove, or that would have a power of its own in the store (`linux_immutable`, `setfcap`).
-- stylua: ignore
local CAPABILITIES = {
  "chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill", "setgid", "setuid", "setpcap",
  "net_bind_service", "net_broadcast", "ipc_lock", "ipc_owner", "lease",
}
-- Calls that no build needs, and that reach the kernel's rarely used corners or other processes' secrets.
-- stylua: ignore
local DENIED = {
  "add_key", "bpf", "io_uring_setup", "kexec_load", "keyctl", "open_by_handle_at", "perf_event_open", "request_key",
  "syslog", "userfaultfd",
}
-- Sockets that a network namespace does not hold: the hypervisor's, and the kernel's ciphers.
local DENIED_SOCKETS = { "alg", "vsock" }
-- Calls about owners and ids that a map of one id cannot carry out: distribution packages make them, and owners are
-- normalised anyway.
-- stylua: ignore
local IDS = {
  "chown", "lchown", "fchown", "fchownat", "setgroups", "setuid", "setgid", "setresuid", "setresgid", "setreuid",
  "setregid", "setfsuid", "setfsgid",
}

--- Cuts the powers of this process, and of all that it starts from here on.
---@param sandbox { confined?: boolean, answer_ids?: boolean }
function filters.confine(sandbox)
  syscall.set_no_new_privs()
  if sandbox.confined then
    syscall.keep_capabilities(CAPABILITIES)
    syscall.landlock_scope()
    syscall.seccomp { deny = DENIED, deny_sockets = DENIED_SOCKETS, deny_namespaces = true }
  end
  if sandbox.answer_ids then
    syscall.seccomp { succeed = IDS }
  end
end

return filters
