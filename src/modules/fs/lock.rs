//! Locks on files. A lock belongs to a descriptor.

use std::fs::{OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;

use mlua::Lua;
use nix::libc;

use crate::error::{Error, Result};
use crate::lua::bytes::Bytes;
use crate::lua::descriptor::Descriptor;

options! {
    pub(super) struct LockOptions {
        shared: bool = false,
    }
}

pub(super) fn lock(lua: &Lua, (path, how): (Bytes, LockOptions)) -> Result<Option<Descriptor>> {
    let mut open = OpenOptions::new();
    open.read(true).write(true).create(true).truncate(false);
    // A link could lead to a file of somebody else, and whoever has the lock writes to the file.
    open.custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY);
    let file = open
        .open(&*path)
        .map_err(|e| Error::io("open", &e).at(&path))?;
    let result = if how.shared {
        file.try_lock_shared()
    } else {
        file.try_lock()
    };
    match result {
        Ok(()) => Ok(Some(Descriptor::new(lua, file))),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(Error::io("flock", &error).at(&path)),
    }
}

pub(super) fn unlock(_: &Lua, lock: Descriptor) -> Result<()> {
    lock.take("unlock").map(drop)
}
