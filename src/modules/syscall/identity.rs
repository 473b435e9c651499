//! Users and groups of this process.

use mlua::Lua;
use nix::unistd::{Gid, Uid};

use super::outcome::os;
use crate::error::Result;

pub(super) fn getuid(_: &Lua, (): ()) -> Result<u32> {
    Ok(nix::unistd::getuid().as_raw())
}

pub(super) fn getgid(_: &Lua, (): ()) -> Result<u32> {
    Ok(nix::unistd::getgid().as_raw())
}

pub(super) fn geteuid(_: &Lua, (): ()) -> Result<u32> {
    Ok(nix::unistd::geteuid().as_raw())
}

pub(super) fn getegid(_: &Lua, (): ()) -> Result<u32> {
    Ok(nix::unistd::getegid().as_raw())
}

/// Sets the real, effective and saved ids.
pub(super) fn setuid(_: &Lua, id: u32) -> Result<()> {
    let id = Uid::from_raw(id);
    os("setresuid", nix::unistd::setresuid(id, id, id))
}

pub(super) fn setgid(_: &Lua, id: u32) -> Result<()> {
    let id = Gid::from_raw(id);
    os("setresgid", nix::unistd::setresgid(id, id, id))
}

pub(super) fn setgroups(_: &Lua, ids: Vec<u32>) -> Result<()> {
    let ids: Vec<Gid> = ids.into_iter().map(Gid::from_raw).collect();
    os("setgroups", nix::unistd::setgroups(&ids))
}
