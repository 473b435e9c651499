//! The filter: which calls the keeper decides about, and which fail at once.

use nix::errno::Errno;
use nix::libc;

use crate::kernel::bpf::{
    ALLOW, ANY, EQUAL, answer, argument, beginning, fail, jump, load, on_call,
};

/// The bits set-user-id and set-group-id.
pub(super) const SET_ID: u32 = libc::S_ISUID | libc::S_ISGID;

/// fchmodat2(2), since Linux 6.6. Numbers from 424 on are the same on all machines.
pub(super) const SYS_FCHMODAT2: libc::c_long = 452;
/// setxattrat(2) and removexattrat(2), since Linux 6.13.
const SYS_SETXATTRAT: libc::c_long = 463;
const SYS_REMOVEXATTRAT: libc::c_long = 466;

/// The flags that create a file: `O_CREAT`, and the bit that only `O_TMPFILE` has.
const CREATES: u32 = (libc::O_CREAT | (libc::O_TMPFILE & !libc::O_DIRECTORY)) as u32;

const ASKED: &[libc::c_long] = &[
    #[cfg(target_arch = "x86_64")]
    libc::SYS_chmod,
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    SYS_FCHMODAT2,
    libc::SYS_setxattr,
    libc::SYS_lsetxattr,
    libc::SYS_fsetxattr,
    libc::SYS_removexattr,
    libc::SYS_lremovexattr,
    libc::SYS_fremovexattr,
    libc::SYS_capset,
];

/// Calls whose arguments are in memory, where a filter cannot read them. Programs fall back to the older calls.
const HIDDEN: &[libc::c_long] = &[libc::SYS_openat2, SYS_SETXATTRAT, SYS_REMOVEXATTRAT];

/// Calls that create a file with a mode: the index of the argument with the flags, if any, and of that with the mode. The keeper
/// decides about modes with set-id bits.
const MAKE: &[(libc::c_long, Option<u32>, u32)] = &[
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_open, Some(1), 2),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_creat, None, 1),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_mknod, None, 1),
    (libc::SYS_openat, Some(2), 3),
    (libc::SYS_mknodat, None, 2),
];

/// The filter. `asks_machine`: the keeper says which machine this is.
pub(super) fn program(asks_machine: bool) -> Vec<libc::sock_filter> {
    let mut program = beginning();
    if asks_machine {
        on_call(&mut program, libc::SYS_uname, libc::SECCOMP_RET_USER_NOTIF);
    }
    for number in ASKED {
        on_call(&mut program, *number, libc::SECCOMP_RET_USER_NOTIF);
    }
    for number in HIDDEN {
        on_call(&mut program, *number, fail(Errno::ENOSYS));
    }
    for &(number, flags, mode) in MAKE {
        let mut rest = Vec::new();
        if let Some(flags) = flags {
            rest.extend([
                load(argument(flags)),
                jump(ANY, CREATES, 1, 0),
                answer(ALLOW),
            ]);
        }
        rest.extend([
            load(argument(mode)),
            jump(ANY, SET_ID, 0, 1),
            answer(libc::SECCOMP_RET_USER_NOTIF),
            answer(ALLOW),
        ]);
        program.push(jump(EQUAL, number as u32, 0, rest.len() as u8));
        program.extend(rest);
    }
    program.push(answer(ALLOW));
    program
}

#[cfg(test)]
mod tests {
    use nix::errno::Errno;
    use nix::libc;

    use super::{ASKED, HIDDEN, MAKE, program};
    use crate::kernel::bpf::interpreter::{Call, interpret};
    use crate::kernel::bpf::{ALLOW, fail};

    #[test]
    fn each_call_gets_its_answer() {
        for asks_machine in [false, true] {
            let answer = interpret(&program(asks_machine), &Call::new(libc::SYS_uname, &[0]));
            let asked = answer == libc::SECCOMP_RET_USER_NOTIF;
            assert_eq!((asked, answer == ALLOW), (asks_machine, !asks_machine));
        }
        let program = program(false);
        let check = |number, arguments: &[u64], expected| {
            let got = interpret(&program, &Call::new(number, arguments));
            assert_eq!(got, expected, "{number} {arguments:x?}");
        };
        for number in ASKED {
            check(*number, &[0, 0o755], libc::SECCOMP_RET_USER_NOTIF);
        }
        for number in HIDDEN {
            check(*number, &[0], fail(Errno::ENOSYS));
        }
        for &(number, flags, mode) in MAKE {
            for (bits, special) in [
                (0o755, false),
                (0o1777, false),
                (0o4755, true),
                (0o2755, true),
                (0o6000, true),
            ] {
                for (given, creates) in [
                    (libc::O_RDONLY, false),
                    (libc::O_WRONLY | libc::O_TRUNC | libc::O_DIRECTORY, false),
                    (libc::O_WRONLY | libc::O_CREAT | libc::O_EXCL, true),
                    (libc::O_RDWR | libc::O_TMPFILE, true),
                ] {
                    let mut arguments = [0; 6];
                    arguments[mode as usize] = bits;
                    if let Some(flags) = flags {
                        arguments[flags as usize] = given as u64;
                    }
                    let asked = special && (creates || flags.is_none());
                    check(
                        number,
                        &arguments,
                        if asked {
                            libc::SECCOMP_RET_USER_NOTIF
                        } else {
                            ALLOW
                        },
                    );
                }
            }
        }
        for number in [
            libc::SYS_read,
            libc::SYS_fchown,
            libc::SYS_mkdirat,
            libc::SYS_execve,
        ] {
            check(number, &[0o4755, 0o4755, 0o4755, 0o4755], ALLOW);
        }
    }
}
