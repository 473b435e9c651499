//! seccomp(2) filters.

use mlua::Lua;
use nix::errno::Errno;
use nix::libc;

use super::outcome::check;
use crate::error::{Error, Result};

options! {
    pub(super) struct Rules {
        succeed: Vec<String> = Vec::new(),
        deny: Vec<String> = Vec::new(),
        /// Families of sockets that cannot be made.
        deny_sockets: Vec<String> = Vec::new(),
        /// No new namespaces: one of users would give powers that were given up, if only within it.
        deny_namespaces: bool = false,
    }
}

/// linux/audit.h: `AUDIT_ARCH_*` of the machine that this program is for.
#[cfg(target_arch = "x86_64")]
const AUDIT_ARCH: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
const AUDIT_ARCH: u32 = 0xc000_00b7;

/// The calls that a filter can name.
fn number(name: &str) -> Result<Option<libc::c_long>> {
    Ok(Some(match name {
        #[cfg(target_arch = "x86_64")]
        "chown" => libc::SYS_chown,
        #[cfg(target_arch = "x86_64")]
        "lchown" => libc::SYS_lchown,
        // aarch64 never had these two.
        #[cfg(not(target_arch = "x86_64"))]
        "chown" | "lchown" => return Ok(None),
        "fchown" => libc::SYS_fchown,
        "fchownat" => libc::SYS_fchownat,
        "setgroups" => libc::SYS_setgroups,
        "setuid" => libc::SYS_setuid,
        "setgid" => libc::SYS_setgid,
        "setresuid" => libc::SYS_setresuid,
        "setresgid" => libc::SYS_setresgid,
        "setreuid" => libc::SYS_setreuid,
        "setregid" => libc::SYS_setregid,
        "setfsuid" => libc::SYS_setfsuid,
        "setfsgid" => libc::SYS_setfsgid,
        "add_key" => libc::SYS_add_key,
        "bpf" => libc::SYS_bpf,
        "io_uring_setup" => libc::SYS_io_uring_setup,
        "kexec_load" => libc::SYS_kexec_load,
        "keyctl" => libc::SYS_keyctl,
        "mount" => libc::SYS_mount,
        "open_by_handle_at" => libc::SYS_open_by_handle_at,
        "openat2" => libc::SYS_openat2,
        "perf_event_open" => libc::SYS_perf_event_open,
        "ptrace" => libc::SYS_ptrace,
        "request_key" => libc::SYS_request_key,
        "syslog" => libc::SYS_syslog,
        "unshare" => libc::SYS_unshare,
        "userfaultfd" => libc::SYS_userfaultfd,
        _ => return Err(Error::argument("seccomp", format!("unknown call `{name}`"))),
    }))
}

/// The socket families that a filter can name.
fn family(name: &str) -> Result<libc::c_int> {
    Ok(match name {
        "alg" => libc::AF_ALG,
        "packet" => libc::AF_PACKET,
        "vsock" => libc::AF_VSOCK,
        _ => {
            return Err(Error::argument(
                "seccomp",
                format!("unknown socket family `{name}`"),
            ));
        }
    })
}

fn statement(code: u32, k: u32) -> libc::sock_filter {
    libc::sock_filter {
        code: code as u16,
        jt: 0,
        jf: 0,
        k,
    }
}

fn jump(code: u32, k: u32, jt: u8, jf: u8) -> libc::sock_filter {
    libc::sock_filter {
        code: code as u16,
        jt,
        jf,
        k,
    }
}

/// A classic BPF program (linux/filter.h) over `struct seccomp_data`: the call's number is at 0, the architecture at 4.
fn program(rules: &Rules) -> Result<Vec<libc::sock_filter>> {
    let load = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
    let equal = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
    let answer = libc::BPF_RET | libc::BPF_K;
    let mut program = vec![
        statement(load, 4),
        jump(equal, AUDIT_ARCH, 1, 0),
        // Calls of another ABI would slip past the numbers below.
        statement(answer, libc::SECCOMP_RET_ERRNO | Errno::ENOSYS as u32),
        statement(load, 0),
    ];
    if cfg!(target_arch = "x86_64") {
        // x32 has the same architecture, and numbers of its own from this bit up (asm/unistd.h).
        let at_least = libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K;
        program.push(jump(at_least, 0x4000_0000, 0, 1));
        program.push(statement(
            answer,
            libc::SECCOMP_RET_ERRNO | Errno::ENOSYS as u32,
        ));
    }
    for (names, errno) in [(&rules.succeed, 0), (&rules.deny, Errno::EPERM as u32)] {
        for name in names {
            if let Some(number) = number(name)? {
                program.push(jump(equal, number as u32, 0, 1));
                program.push(statement(answer, libc::SECCOMP_RET_ERRNO | errno));
            }
        }
    }
    if !rules.deny_sockets.is_empty() {
        // Any other call goes past the families: a load, a pair for each, and the end.
        let past = 1 + 2 * rules.deny_sockets.len() as u8;
        program.push(jump(equal, libc::SYS_socket as u32, 0, past));
        // The low half of the first argument.
        program.push(statement(load, 16));
        for name in &rules.deny_sockets {
            program.push(jump(equal, family(name)? as u32, 0, 1));
            program.push(statement(
                answer,
                libc::SECCOMP_RET_ERRNO | Errno::EAFNOSUPPORT as u32,
            ));
        }
    }
    if rules.deny_namespaces {
        let kinds = libc::CLONE_NEWNS
            | libc::CLONE_NEWCGROUP
            | libc::CLONE_NEWUTS
            | libc::CLONE_NEWIPC
            | libc::CLONE_NEWUSER
            | libc::CLONE_NEWPID
            | libc::CLONE_NEWNET;
        let any = libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K;
        program.extend([
            statement(load, 0),
            // What this one is to make stands in memory, out of a filter's sight; whoever calls it knows the older one too.
            jump(equal, libc::SYS_clone3 as u32, 0, 1),
            statement(answer, libc::SECCOMP_RET_ERRNO | Errno::ENOSYS as u32),
            jump(equal, libc::SYS_unshare as u32, 1, 0),
            jump(equal, libc::SYS_clone as u32, 0, 3),
            statement(load, 16),
            jump(any, kinds as u32, 0, 1),
            statement(answer, libc::SECCOMP_RET_ERRNO | Errno::EPERM as u32),
        ]);
    }
    program.push(statement(answer, libc::SECCOMP_RET_ALLOW));
    Ok(program)
}

pub(super) fn seccomp(_: &Lua, rules: Rules) -> Result<()> {
    let mut filter = program(&rules)?;
    let header = libc::sock_fprog {
        len: filter.len() as u16,
        filter: filter.as_mut_ptr(),
    };
    // SAFETY: the header points to a filter of the length it names; both live for the call.
    check("seccomp", unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            0,
            &raw const header,
        )
    })
}
