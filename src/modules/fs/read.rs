//! Reads a whole file. For untrusted files: does not follow a link, wait for a writer, or read without a limit.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;

use mlua::{Lua, LuaString};
use nix::libc;

use super::look::type_name;
use crate::error::{Error, Result};
use crate::lua::bytes::Bytes;

options! {
    pub(super) struct ReadOptions {
        nofollow: bool = false,
        limit: Option<u64>,
    }
}

pub(super) fn read(lua: &Lua, (path, how): (Bytes, ReadOptions)) -> Result<LuaString> {
    let fail = |e: std::io::Error| Error::io("read", &e).at(&path);
    let file = open(&path, &how).map_err(fail)?;
    let meta = file.metadata().map_err(fail)?;
    let is_checked = how.nofollow || how.limit.is_some();
    if is_checked && !meta.is_file() {
        let kind = type_name(meta.file_type());
        return Err(Error::new("read", "type", format!("it is a {kind}, not a file")).at(&path));
    }
    let limit = how.limit.unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    // One byte more than the file has, so that the end is seen without growing.
    let expected = meta.len().min(limit).saturating_add(1);
    bytes
        .try_reserve_exact(usize::try_from(expected).unwrap_or(usize::MAX))
        .map_err(|_| fail(std::io::ErrorKind::OutOfMemory.into()))?;
    // Reads one byte more than allowed: a file may grow while it is read.
    file.take(limit.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(fail)?;
    if bytes.len() as u64 > limit {
        return Err(
            Error::new("read", "limit", format!("it has more than {limit} bytes")).at(&path),
        );
    }
    Ok(lua.create_string(bytes)?)
}

fn open(path: &Bytes, how: &ReadOptions) -> std::io::Result<File> {
    let mut flags = libc::O_CLOEXEC;
    if how.nofollow {
        flags |= libc::O_NOFOLLOW;
    }
    if how.nofollow || how.limit.is_some() {
        // With these flags a FIFO without a writer opens at once, and a terminal does not become the controlling one.
        flags |= libc::O_NONBLOCK | libc::O_NOCTTY;
    }
    OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(&**path)
}
