//! Opens, closes and uses descriptors.

use std::os::fd::RawFd;

use mlua::{Lua, LuaString};
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::stat::Mode;

use super::outcome::{at, os};
use crate::error::{Error, Result};
use crate::kernel::descriptor::close_from;
use crate::lua::bytes::Bytes;
use crate::lua::descriptor::{Descriptor, Inherited, close_now};

options! {
    pub(super) struct OpenPath {
        directory: bool = false,
        nofollow: bool = false,
    }
}

pub(super) fn open_path(lua: &Lua, (path, how): (Bytes, OpenPath)) -> Result<Descriptor> {
    let mut set = OFlag::O_PATH | OFlag::O_CLOEXEC;
    set.set(OFlag::O_DIRECTORY, how.directory);
    set.set(OFlag::O_NOFOLLOW, how.nofollow);
    let fd = at("open", &path, nix::fcntl::open(&*path, set, Mode::empty()))?;
    Ok(Descriptor::new(lua, fd))
}

pub(super) fn close(_: &Lua, descriptor: Descriptor) -> Result<()> {
    descriptor.take("close").map(drop)
}

options! {
    pub(super) struct CloseRange {
        keep: Vec<Inherited> = Vec::new(),
        now: bool = false,
    }
}

pub(super) fn close_range(lua: &Lua, (first, how): (RawFd, CloseRange)) -> Result<()> {
    let keep: Vec<RawFd> = how.keep.iter().filter_map(Inherited::number).collect();
    let closed = if how.now {
        close_now(lua, first, &keep)
    } else {
        close_from(first, &keep, false)
    };
    closed.map_err(|errno| Error::os("close_range", errno))
}

/// Makes a pipe. Returns the read end and the write end.
pub(super) fn pipe(lua: &Lua, (): ()) -> Result<Vec<Descriptor>> {
    let (reader, writer) = os("pipe", nix::unistd::pipe2(OFlag::O_CLOEXEC))?;
    Ok(vec![
        Descriptor::new(lua, reader),
        Descriptor::new(lua, writer),
    ])
}

pub(super) fn set_nonblocking(_: &Lua, descriptor: Descriptor) -> Result<()> {
    descriptor.with("fcntl", |fd| {
        let flags = os("fcntl", fcntl(fd, FcntlArg::F_GETFL))?;
        let flags = OFlag::from_bits_retain(flags) | OFlag::O_NONBLOCK;
        os("fcntl", fcntl(fd, FcntlArg::F_SETFL(flags))).map(drop)
    })
}

pub(super) fn write(_: &Lua, (descriptor, data): (Descriptor, LuaString)) -> Result<usize> {
    descriptor.with("write", |fd| {
        os("write", nix::unistd::write(fd, &data.as_bytes()))
    })
}

pub(super) fn fchdir(_: &Lua, descriptor: Descriptor) -> Result<()> {
    descriptor.with("fchdir", |fd| os("fchdir", nix::unistd::fchdir(fd)))
}
