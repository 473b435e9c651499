//! Classic BPF programs (linux/filter.h) over `struct seccomp_data` (linux/seccomp.h).

use nix::errno::Errno;
use nix::libc;

/// linux/audit.h: `AUDIT_ARCH_*` of the machine that bq is compiled for.
#[cfg(target_arch = "x86_64")]
pub(crate) const AUDIT_ARCH: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
pub(crate) const AUDIT_ARCH: u32 = 0xc000_00b7;

pub(crate) const ALLOW: u32 = libc::SECCOMP_RET_ALLOW;

/// The answer "the call fails with this error".
pub(crate) const fn fail(errno: Errno) -> u32 {
    libc::SECCOMP_RET_ERRNO | errno as u32
}

/// The offset of the call's number. The architecture is at offset 4.
pub(crate) const NUMBER: u32 = 0;

/// The offset of the low half of an argument.
pub(crate) const fn argument(index: u32) -> u32 {
    16 + 8 * index
}

pub(crate) const EQUAL: u32 = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
pub(crate) const AT_LEAST: u32 = libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K;
/// Tests whether any of some bits is set.
pub(crate) const ANY: u32 = libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K;

fn statement(code: u32, k: u32) -> libc::sock_filter {
    jump(code, k, 0, 0)
}

/// Loads a word of the call's data.
pub(crate) fn load(place: u32) -> libc::sock_filter {
    statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, place)
}

/// Ends the program with an answer.
pub(crate) fn answer(what: u32) -> libc::sock_filter {
    statement(libc::BPF_RET | libc::BPF_K, what)
}

/// Skips `jt` instructions if the test is true, and `jf` if not.
pub(crate) fn jump(code: u32, k: u32, jt: u8, jf: u8) -> libc::sock_filter {
    libc::sock_filter {
        code: code as u16,
        jt,
        jf,
        k,
    }
}

/// The start of each program. Refuses calls of another ABI, where the same numbers mean other calls. Then loads the number of
/// the call.
pub(crate) fn beginning() -> Vec<libc::sock_filter> {
    let mut program = vec![
        load(4),
        jump(EQUAL, AUDIT_ARCH, 1, 0),
        answer(fail(Errno::ENOSYS)),
        load(NUMBER),
    ];
    if cfg!(target_arch = "x86_64") {
        // x32 has the same architecture. Its numbers have this bit set (asm/unistd.h).
        program.push(jump(AT_LEAST, 0x4000_0000, 0, 1));
        program.push(answer(fail(Errno::ENOSYS)));
    }
    program
}

/// Adds the answer for one call.
pub(crate) fn on_call(program: &mut Vec<libc::sock_filter>, number: libc::c_long, what: u32) {
    program.push(jump(EQUAL, number as u32, 0, 1));
    program.push(answer(what));
}

/// Installs a program on this process and its future children. Returns a descriptor if the flags ask for one.
pub(crate) fn install(
    program: &mut [libc::sock_filter],
    flags: libc::c_ulong,
) -> nix::Result<libc::c_long> {
    let header = libc::sock_fprog {
        len: program.len() as u16,
        filter: program.as_mut_ptr(),
    };
    // SAFETY: the header points to a program of the length that it gives. Both live for the call.
    let result = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            flags,
            &raw const header,
        )
    };
    Errno::result(result)
}

#[cfg(test)]
pub(crate) mod interpreter {
    use nix::libc;

    use super::AUDIT_ARCH;

    /// The data of a call that a filter can read.
    #[derive(Clone, Copy)]
    pub(crate) struct Call {
        pub(crate) number: libc::c_long,
        pub(crate) architecture: u32,
        pub(crate) arguments: [u64; 6],
    }

    impl Call {
        /// A call of this machine. Arguments that are not given have all bits set.
        pub(crate) fn new(number: libc::c_long, first: &[u64]) -> Self {
            let mut arguments = [u64::MAX; 6];
            arguments[..first.len()].copy_from_slice(first);
            Self {
                number,
                architecture: AUDIT_ARCH,
                arguments,
            }
        }

        fn bytes(&self) -> Vec<u8> {
            let mut bytes = Vec::new();
            bytes.extend((self.number as u32).to_ne_bytes());
            bytes.extend(self.architecture.to_ne_bytes());
            // The instruction pointer.
            bytes.extend(0x1234_5678_u64.to_ne_bytes());
            for argument in self.arguments {
                bytes.extend(argument.to_ne_bytes());
            }
            bytes
        }
    }

    /// Runs a program as the kernel does. Panics if the kernel would refuse it, for example for a jump past the end.
    pub(crate) fn interpret(program: &[libc::sock_filter], call: &Call) -> u32 {
        let data = call.bytes();
        let (mut at, mut value) = (0, 0_u32);
        loop {
            let step = program[at];
            let passed = match u32::from(step.code) {
                code if code == libc::BPF_LD | libc::BPF_W | libc::BPF_ABS => {
                    assert_eq!(step.k % 4, 0);
                    let place = step.k as usize;
                    let word = data[place..place + 4].try_into().expect("four bytes");
                    value = u32::from_ne_bytes(word);
                    0
                }
                super::EQUAL => {
                    if value == step.k {
                        step.jt
                    } else {
                        step.jf
                    }
                }
                super::AT_LEAST => {
                    if value >= step.k {
                        step.jt
                    } else {
                        step.jf
                    }
                }
                super::ANY => {
                    if value & step.k != 0 {
                        step.jt
                    } else {
                        step.jf
                    }
                }
                code if code == libc::BPF_RET | libc::BPF_K => return step.k,
                code => panic!("instruction {code:#x} at {at}"),
            };
            at += 1 + usize::from(passed);
        }
    }
}
