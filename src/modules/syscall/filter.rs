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
mod tests {
    use nix::errno::Errno;
    use nix::libc;

    use super::{Rules, family, number, program};
    use crate::kernel::bpf::interpreter::{Call, interpret};
    use crate::kernel::bpf::{ALLOW, fail};

    fn names(list: &[&str]) -> Vec<String> {
        list.iter().map(|name| (*name).to_owned()).collect()
    }

    fn none() -> Rules {
        Rules {
            succeed: Vec::new(),
            deny: Vec::new(),
            deny_sockets: Vec::new(),
            deny_namespaces: false,
        }
    }

    const OWNERS: [&str; 13] = [
        "chown",
        "lchown",
        "fchown",
        "fchownat",
        "setgroups",
        "setuid",
        "setgid",
        "setresuid",
        "setresgid",
        "setreuid",
        "setregid",
        "setfsuid",
        "setfsgid",
    ];
    const DENIED: [&str; 4] = ["bpf", "keyctl", "ptrace", "userfaultfd"];

    /// Every combination of rules, each call under each of them: all jumps land where they should.
    #[test]
    fn each_call_gets_its_answer() {
        for bits in 0..16 {
            let on = |bit: u32| bits & (1 << bit) != 0;
            let mut rules = none();
            if on(0) {
                rules.succeed = names(&OWNERS);
            }
            if on(1) {
                rules.deny = names(&DENIED);
            }
            if on(2) {
                rules.deny_sockets = names(&["alg", "vsock", "packet"]);
            }
            rules.deny_namespaces = on(3);
            let program = program(&rules).expect("all names are known");
            let check = |what: &str, number, first, expected| {
                let got = interpret(&program, &Call::new(number, &[first]));
                assert_eq!(got, expected, "{what}({first:#x}) with rules {bits:04b}");
            };
            for name in OWNERS {
                if let Some(number) = number(name).expect("a known name") {
                    check(
                        name,
                        number,
                        7,
                        if on(0) {
                            libc::SECCOMP_RET_ERRNO
                        } else {
                            ALLOW
                        },
                    );
                }
            }
            for name in DENIED {
                if let Some(number) = number(name).expect("a known name") {
                    check(
                        name,
                        number,
                        7,
                        if on(1) { fail(Errno::EPERM) } else { ALLOW },
                    );
                }
            }
            for name in ["alg", "vsock", "packet"] {
                let first = family(name).expect("a known name") as u64;
                let refused = if on(2) {
                    fail(Errno::EAFNOSUPPORT)
                } else {
                    ALLOW
                };
                check("socket", libc::SYS_socket, first, refused);
                // The kernel looks at the low half only, and other calls may have the same first argument.
                check("socket", libc::SYS_socket, first | 1 << 32, refused);
                check("bind", libc::SYS_bind, first, ALLOW);
            }
            for first in [libc::AF_UNIX, libc::AF_INET] {
                check("socket", libc::SYS_socket, first as u64, ALLOW);
            }
            let refused = if on(3) { fail(Errno::EPERM) } else { ALLOW };
            for kind in [
                libc::CLONE_NEWNS,
                libc::CLONE_NEWCGROUP,
                libc::CLONE_NEWUTS,
                libc::CLONE_NEWIPC,
                libc::CLONE_NEWUSER,
                libc::CLONE_NEWPID,
                libc::CLONE_NEWNET,
                libc::CLONE_NEWUSER | libc::CLONE_NEWNS,
            ] {
                check("unshare", libc::SYS_unshare, kind as u64, refused);
                check(
                    "clone",
                    libc::SYS_clone,
                    (kind | libc::SIGCHLD) as u64,
                    refused,
                );
                check("setns", libc::SYS_setns, kind as u64, ALLOW);
            }
            let thread = libc::CLONE_VM
                | libc::CLONE_FS
                | libc::CLONE_FILES
                | libc::CLONE_THREAD
                | libc::CLONE_SIGHAND;
            check("clone", libc::SYS_clone, thread as u64, ALLOW);
            check("clone", libc::SYS_clone, libc::SIGCHLD as u64, ALLOW);
            check("unshare", libc::SYS_unshare, libc::CLONE_FS as u64, ALLOW);
            check(
                "clone3",
                libc::SYS_clone3,
                0,
                if on(3) { fail(Errno::ENOSYS) } else { ALLOW },
            );
            for number in [
                libc::SYS_read,
                libc::SYS_openat,
                libc::SYS_execve,
                libc::SYS_exit_group,
            ] {
                check("a usual call", number, 0, ALLOW);
            }
        }
    }

    #[test]
    fn calls_of_other_machines_are_unknown() {
        let program = program(&none()).expect("there are no names");
        let mut call = Call::new(libc::SYS_read, &[0]);
        assert_eq!(interpret(&program, &call), ALLOW);
        if cfg!(target_arch = "x86_64") {
            call.number |= 0x4000_0000;
            assert_eq!(interpret(&program, &call), fail(Errno::ENOSYS));
        }
        // i386
        call = Call::new(libc::SYS_read, &[0]);
        call.architecture = 0x4000_0003;
        assert_eq!(interpret(&program, &call), fail(Errno::ENOSYS));
    }

    #[test]
    fn unknown_names_are_mistakes() {
        for rules in [
            Rules {
                succeed: names(&["chwon"]),
                ..none()
            },
            Rules {
                deny: names(&["chwon"]),
                ..none()
            },
            Rules {
                deny_sockets: names(&["algo"]),
                ..none()
            },
        ] {
            assert_eq!(
                program(&rules).err().map(|error| error.code).as_deref(),
                Some("argument")
            );
        }
    }
}
