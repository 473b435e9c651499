//! Looks up programs, and describes the machine.

use std::ffi::{CString, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use mlua::{Lua, LuaString};
use nix::errno::Errno;
use nix::libc;

use crate::error::{Error, Result};
use crate::kernel::program;
use crate::lua::bytes::{Bytes, text};

pub(super) fn which(lua: &Lua, (name, path): (Bytes, Option<Bytes>)) -> Result<Option<LuaString>> {
    look_up(&name, path.map(|p| p.0))
        .map(|found| text(lua, found))
        .transpose()
}

/// Looks up a command as `execvp(3)` does.
fn look_up(name: &Path, path: Option<OsString>) -> Option<PathBuf> {
    let executable = |path: &Path| {
        let Ok(name) = CString::new(path.as_os_str().as_bytes()) else {
            return false;
        };
        // SAFETY: the name is a C string that lives for the call.
        path.is_file() && unsafe { libc::access(name.as_ptr(), libc::X_OK) } == 0
    };
    if name.as_os_str().as_bytes().contains(&b'/') {
        return executable(name).then(|| name.to_owned());
    }
    let path = path.or_else(|| std::env::var_os("PATH"))?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|candidate| executable(candidate))
}

pub(super) fn cores(_: &Lua, (): ()) -> Result<usize> {
    Ok(std::thread::available_parallelism().map_or(1, usize::from))
}

/// Seconds of the monotonic clock, which cannot be set.
pub(super) fn clock(_: &Lua, (): ()) -> Result<f64> {
    let now = nix::time::clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC)
        .map_err(|errno| Error::os("clock_gettime", errno))?;
    Ok(std::time::Duration::from(now).as_secs_f64())
}

pub(super) fn executable(lua: &Lua, (): ()) -> Result<LuaString> {
    let own = program::executable()
        .ok_or_else(|| Error::os("readlink", Errno::ENOENT).at("/proc/self/exe"))?;
    text(lua, own)
}
