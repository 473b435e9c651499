//! seccomp(2) filters.

use mlua::Lua;
use nix::errno::Errno;
use nix::libc;

use crate::error::{Error, Result};
use crate::kernel::bpf::{
    ALLOW, ANY, EQUAL, NUMBER, answer, argument, beginning, fail, install, jump, load, on_call,
};

options! {
    pub(super) struct Rules {
        succeed: Vec<String> = Vec::new(),
        deny: Vec<String> = Vec::new(),
        /// Families of sockets that cannot be created.
        deny_sockets: Vec<String> = Vec::new(),
        /// Refuse new namespaces: in a new user namespace the process would have all capabilities again.
        deny_namespaces: bool = false,
    }
}

/// The numbers of the calls that a filter can name.
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
        "pidfd_open" => libc::SYS_pidfd_open,
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

fn program(rules: &Rules) -> Result<Vec<libc::sock_filter>> {
    let mut program = beginning();
    for (names, errno) in [(&rules.succeed, 0), (&rules.deny, Errno::EPERM as u32)] {
        for name in names {
            if let Some(number) = number(name)? {
                on_call(&mut program, number, libc::SECCOMP_RET_ERRNO | errno);
            }
        }
    }
    if !rules.deny_sockets.is_empty() {
        // Any other call jumps over this part: one load, and two instructions for each family.
        let past = 1 + 2 * rules.deny_sockets.len() as u8;
        program.push(jump(EQUAL, libc::SYS_socket as u32, 0, past));
        program.push(load(argument(0)));
        for name in &rules.deny_sockets {
            program.push(jump(EQUAL, family(name)? as u32, 0, 1));
            program.push(answer(fail(Errno::EAFNOSUPPORT)));
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
        program.extend([
            load(NUMBER),
            // clone3 has its flags in memory, where a filter cannot read them. Programs fall back to clone.
            jump(EQUAL, libc::SYS_clone3 as u32, 0, 1),
            answer(fail(Errno::ENOSYS)),
            jump(EQUAL, libc::SYS_unshare as u32, 1, 0),
            jump(EQUAL, libc::SYS_clone as u32, 0, 3),
            load(argument(0)),
            jump(ANY, kinds as u32, 0, 1),
            answer(fail(Errno::EPERM)),
        ]);
    }
    program.push(answer(ALLOW));
    Ok(program)
}

pub(super) fn seccomp(_: &Lua, rules: Rules) -> Result<()> {
    let mut program = program(&rules)?;
    install(&mut program, 0)
        .map(drop)
        .map_err(|errno| Error::os("seccomp", errno))
}

#[cfg(test)]
mod tests;
