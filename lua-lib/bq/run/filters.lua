-- Capabilities and system calls that the kernel denies to the processes of a root, calls that it answers without making
-- them, and limits.
local syscall = require "bq.syscall"

local filters = {}

-- The capabilities that a step keeps. None of them has an effect outside of its namespaces. Missing are those that
-- could make files that a user cannot remove (`linux_immutable`), or programs that have capabilities (`setfcap`):
-- those are noted (`bq.run.noted`).
-- stylua: ignore
local CAPABILITIES = {
  "chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill", "setgid", "setuid", "setpcap",
  "net_bind_service", "net_broadcast", "ipc_lock", "ipc_owner", "lease",
}
-- Calls that no build needs. They reach rarely used parts of the kernel, or the memory of other processes.
-- stylua: ignore
local DENIED = {
  "add_key", "bpf", "io_uring_setup", "kexec_load", "keyctl", "open_by_handle_at", "perf_event_open", "request_key",
  "syslog", "userfaultfd",
}
-- Sockets that a network namespace does not isolate: the hypervisor's, and the kernel's ciphers.
local DENIED_SOCKETS = { "alg", "vsock" }
-- Calls about owners and ids that fail with a map of one id. Build systems and packages of distributions make them.
-- Owners are normalised later, so these calls can succeed without an effect.
-- stylua: ignore
local IDS = {
  "chown", "lchown", "fchown", "fchownat", "setgroups", "setuid", "setgid", "setresuid", "setresgid", "setreuid",
  "setregid", "setfsuid", "setfsgid",
}

-- Limits of each process, soft and hard: those that a configure script or a crash of a test can put into an output.
-- They are the kernel's defaults, so that it does not matter what the user's shell has. Who has less may not have more.
---@type table<string, [integer, integer]>
local LIMITS <const> = { core = { 0, 0 }, nofile = { 1024, 4096 }, stack = { 8 << 20, 8 << 20 } }

--- Restricts this process and all processes that it starts later.
---@param sandbox { confined?: boolean, answer_ids?: boolean }
function filters.confine(sandbox)
  syscall.set_no_new_privs()
  if sandbox.confined then
    for name, limit in pairs(LIMITS) do
      pcall(syscall.setrlimit, name, limit[1], limit[2])
    end
    syscall.keep_capabilities(CAPABILITIES)
    syscall.landlock_scope()
    syscall.seccomp { deny = DENIED, deny_sockets = DENIED_SOCKETS, deny_namespaces = true }
  end
  if sandbox.answer_ids then
    syscall.seccomp { succeed = IDS }
  end
end

return filters
