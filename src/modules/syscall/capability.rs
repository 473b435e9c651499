//! Capabilities: capabilities(7), by the numbers of linux/capability.h.

use mlua::Lua;
use nix::errno::Errno;
use nix::libc;

use super::outcome::check;
use crate::error::{Error, Result};

/// The names, in the order of the numbers from 0.
const NAMES: [&str; 41] = [
    "chown",
    "dac_override",
    "dac_read_search",
    "fowner",
    "fsetid",
    "kill",
    "setgid",
    "setuid",
    "setpcap",
    "linux_immutable",
    "net_bind_service",
    "net_broadcast",
    "net_admin",
    "net_raw",
    "ipc_lock",
    "ipc_owner",
    "sys_module",
    "sys_rawio",
    "sys_chroot",
    "sys_ptrace",
    "sys_pacct",
    "sys_admin",
    "sys_boot",
    "sys_nice",
    "sys_resource",
    "sys_time",
    "sys_tty_config",
    "mknod",
    "lease",
    "audit_write",
    "audit_control",
    "setfcap",
    "mac_override",
    "mac_admin",
    "syslog",
    "wake_alarm",
    "block_suspend",
    "audit_read",
    "perfmon",
    "bpf",
    "checkpoint_restore",
];

/// linux/capability.h: `_LINUX_CAPABILITY_VERSION_3`, whose sets are two words of 32 bits.
const VERSION_3: u32 = 0x2008_0522;

#[repr(C)]
struct Header {
    version: u32,
    pid: i32,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Sets {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

pub(super) fn keep(_: &Lua, names: Vec<String>) -> Result<()> {
    let mut kept: u64 = 0;
    for name in &names {
        let Some(number) = NAMES.iter().position(|known| known == name) else {
            return Err(Error::argument(
                "keep_capabilities",
                format!("unknown capability `{name}`"),
            ));
        };
        kept |= 1 << number;
    }
    // A newer kernel may have more capabilities than this list: continue until it reports that there are no more.
    for number in 0..64 {
        if kept & (1 << number) != 0 {
            continue;
        }
        // SAFETY: prctl with plain numbers. It accesses no memory of this process.
        let result =
            unsafe { libc::prctl(libc::PR_CAPBSET_DROP, number as libc::c_ulong, 0, 0, 0) };
        if result < 0 {
            match Errno::last() {
                Errno::EINVAL => break,
                errno => {
                    return Err(Error::os("prctl", errno)
                        .at(NAMES.get(number).copied().unwrap_or("capability")));
                }
            }
        }
    }
    let clear = libc::PR_CAP_AMBIENT_CLEAR_ALL;
    // SAFETY: as above.
    let result = unsafe { libc::prctl(libc::PR_CAP_AMBIENT, clear, 0, 0, 0) };
    check("prctl", result.into())?;
    let mut sets = get()?;
    for (index, set) in sets.iter_mut().enumerate() {
        let mask = (kept >> (32 * index)) as u32;
        set.permitted &= mask;
        set.effective = set.permitted;
        set.inheritable = 0;
    }
    let header = Header {
        version: VERSION_3,
        pid: 0,
    };
    // SAFETY: header and sets have the kernel's layout and live for the call.
    check("capset", unsafe {
        libc::syscall(libc::SYS_capset, &raw const header, sets.as_ptr())
    })
}

fn get() -> Result<[Sets; 2]> {
    let header = Header {
        version: VERSION_3,
        pid: 0,
    };
    let mut sets = [Sets::default(); 2];
    // SAFETY: the kernel writes two sets behind the pointer, which is valid for that.
    check("capget", unsafe {
        libc::syscall(libc::SYS_capget, &raw const header, sets.as_mut_ptr())
    })?;
    Ok(sets)
}

pub(super) fn effective(_: &Lua, (): ()) -> Result<Vec<&'static str>> {
    let sets = get()?;
    let bits = u64::from(sets[0].effective) | u64::from(sets[1].effective) << 32;
    Ok(NAMES
        .iter()
        .enumerate()
        .filter(|(number, _)| bits & (1 << number) != 0)
        .map(|(_, name)| *name)
        .collect())
}

#[cfg(test)]
mod tests {
    use super::NAMES;

    /// Spot checks against the numbers in linux/capability.h.
    #[test]
    fn numbers_are_the_kernels() {
        for (number, name) in [
            (0, "chown"),
            (12, "net_admin"),
            (21, "sys_admin"),
            (31, "setfcap"),
            (39, "bpf"),
        ] {
            assert_eq!(NAMES[number], name);
        }
    }
}
