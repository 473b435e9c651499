//! Runs the filters in an interpreter.

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

/// Checks the answer to each call under every combination of rules. It is wrong if a jump has a wrong offset.
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
            // The kernel reads only the low half. Other calls may have the same first argument.
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
