//! Settings of a process that its children inherit.

use mlua::Lua;
use nix::libc;
use nix::sys::stat::Mode;

use super::outcome::{at, os};
use crate::error::Result;
use crate::kernel::{limit, parent, signal};
use crate::lua::bytes::Bytes;

pub(super) fn getpid(_: &Lua, (): ()) -> Result<u32> {
    Ok(std::process::id())
}

pub(super) fn getppid(_: &Lua, (): ()) -> Result<i32> {
    Ok(nix::unistd::getppid().as_raw())
}

pub(super) fn setsid(_: &Lua, (): ()) -> Result<i32> {
    os("setsid", nix::unistd::setsid()).map(nix::unistd::Pid::as_raw)
}

pub(super) fn chdir(_: &Lua, path: Bytes) -> Result<()> {
    at("chdir", &path, nix::unistd::chdir(&*path))
}

/// Returns the mask from before.
pub(super) fn umask(_: &Lua, mask: u32) -> Result<u32> {
    Ok(nix::sys::stat::umask(Mode::from_bits_truncate(mask)).bits())
}

pub(super) fn setrlimit(_: &Lua, (name, soft, hard): (String, u64, Option<u64>)) -> Result<()> {
    let resource = limit::resource(&name)?;
    let set = nix::sys::resource::setrlimit(resource, soft, hard.unwrap_or(soft));
    os("setrlimit", set)
}

pub(super) fn set_no_new_privs(_: &Lua, (): ()) -> Result<()> {
    os("prctl", nix::sys::prctl::set_no_new_privs())
}

pub(super) fn set_dumpable(_: &Lua, on: bool) -> Result<()> {
    os("prctl", nix::sys::prctl::set_dumpable(on))
}

pub(super) fn set_parent_death_signal(_: &Lua, name: String) -> Result<()> {
    let signal = signal::number(&name)?;
    os("prctl", nix::sys::prctl::set_pdeathsig(Some(signal)))?;
    if parent::has_ended() {
        // The parent ended before the death signal was set, so no signal will come. Process 1 of a namespace cannot send this
        // signal to itself, so it exits.
        // SAFETY: ends the process; nothing of it runs after.
        unsafe { libc::_exit(128 + signal as i32) }
    }
    Ok(())
}
