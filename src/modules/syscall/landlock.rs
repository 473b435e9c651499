//! landlock(7) scopes.

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use mlua::Lua;
use nix::libc;

use super::outcome::check;
use crate::error::Result;

/// linux/landlock.h: the first three fields of `struct landlock_ruleset_attr`, as of ABI 6.
#[repr(C)]
#[derive(Default)]
struct Ruleset {
    access_fs: u64,
    access_net: u64,
    scoped: u64,
}

/// `LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET` and `LANDLOCK_SCOPE_SIGNAL`.
const SCOPES: u64 = 1 | 2;
/// `LANDLOCK_CREATE_RULESET_VERSION`.
const ASK_VERSION: u32 = 1;

pub(super) fn scope(_: &Lua, (): ()) -> Result<bool> {
    let none = std::ptr::null::<Ruleset>();
    // SAFETY: with this flag the kernel reads no ruleset and returns its ABI version.
    let version = unsafe {
        libc::syscall(
            libc::SYS_landlock_create_ruleset,
            none,
            0_usize,
            ASK_VERSION,
        )
    };
    if version < 6 {
        return Ok(false);
    }
    let rules = Ruleset {
        scoped: SCOPES,
        ..Ruleset::default()
    };
    // SAFETY: the ruleset lives for the call, and the size is that of the ruleset.
    let fd = unsafe {
        libc::syscall(
            libc::SYS_landlock_create_ruleset,
            &raw const rules,
            size_of::<Ruleset>(),
            0_u32,
        )
    };
    check("landlock_create_ruleset", fd)?;
    // SAFETY: the descriptor is new and nobody else's.
    let fd = unsafe { OwnedFd::from_raw_fd(fd as RawFd) };
    // SAFETY: the call takes plain numbers, and the descriptor is open.
    let result = unsafe { libc::syscall(libc::SYS_landlock_restrict_self, fd.as_raw_fd(), 0_u32) };
    check("landlock_restrict_self", result).map(|()| true)
}
