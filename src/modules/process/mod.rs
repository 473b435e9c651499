//! `bq.process`: runs programs, waits for them, and is the first process of a pid namespace.

mod children;
mod command;
mod jobs;
mod run;

use std::ffi::CString;
use std::os::fd::{FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};

use mlua::{Lua, Table, Value};
use nix::errno::Errno;
use nix::libc;
use nix::sys::signal::{SigSet, Signal};
use nix::unistd::{ForkResult, Pid};

use super::arguments::{Bytes, required, text};
use crate::error::{Error, Result, native};

pub(crate) fn module(lua: &Lua, module: &Table) -> mlua::Result<()> {
    children::add(lua, module)?;
    jobs::add(lua, module)?;
    native(lua, module, "run", |lua, value: Value| {
        run::run(lua, required(lua, "run", value)?)
    })?;
    native(lua, module, "kill", kill)?;
    native(lua, module, "exec", exec)?;
    native(lua, module, "fork", fork)?;
    native(lua, module, "exit", |_, status: i32| -> Result<()> {
        flush();
        // SAFETY: ends the process; nothing of it runs after.
        unsafe { libc::_exit(status) }
    })?;
    native(
        lua,
        module,
        "which",
        |lua, (name, path): (Bytes, Option<Bytes>)| {
            which(&name, path.map(|p| p.0))
                .map(|found| text(lua, found))
                .transpose()
        },
    )?;
    native(lua, module, "cores", |_, ()| {
        Ok(std::thread::available_parallelism().map_or(1, std::num::NonZero::get))
    })?;
    native(lua, module, "clock", |_, ()| {
        let now = nix::time::clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC)
            .map_err(|errno| Error::os("clock_gettime", errno))?;
        Ok(std::time::Duration::from(now).as_secs_f64())
    })?;
    native(lua, module, "executable", |lua, ()| {
        text(
            lua,
            crate::host::executable()
                .ok_or_else(|| Error::os("readlink", Errno::ENOENT).at("/proc/self/exe"))?,
        )
    })
}

/// A signal by its name, with or without `SIG`.
pub(super) fn signal_number(name: &str) -> Result<Signal> {
    let full = if name.starts_with("SIG") {
        name.to_owned()
    } else {
        format!("SIG{name}")
    };
    full.parse()
        .map_err(|_| Error::argument("signal", format!("unknown signal `{name}`")))
}

/// A signal's name without `SIG`.
fn signal_name(signal: i32) -> String {
    Signal::try_from(signal).map_or_else(|_| signal.to_string(), |s| s.as_str()[3..].to_owned())
}

fn kill(_: &Lua, (pid, name): (i32, String)) -> Result<bool> {
    let signal = if name == "0" {
        None
    } else {
        Some(signal_number(&name)?)
    };
    match nix::sys::signal::kill(Pid::from_raw(pid), signal) {
        Ok(()) => Ok(true),
        Err(Errno::ESRCH) => Ok(false),
        Err(errno) => Err(Error::os("kill", errno).at(pid.to_string())),
    }
}

fn exec(lua: &Lua, value: Value) -> Result<()> {
    let command: command::Command = required(lua, "exec", value)?;
    flush();
    let mut prepared = command.prepare("exec")?;
    let error = prepared.command.exec();
    Err(command.not_started("exec", &error))
}

/// C's streams are copied by `fork` and dropped by `_exit`: what they hold is written first.
fn flush() {
    // SAFETY: with a null pointer it flushes every stream of C's own.
    unsafe { libc::fflush(std::ptr::null_mut()) };
}

/// Whether this process has one thread.
fn is_alone() -> bool {
    // SAFETY: of a process with one thread there is nothing to take apart, and with more it is an error.
    let parted = Errno::result(unsafe { libc::unshare(libc::CLONE_THREAD) });
    // Or a filter denies it, with whatever error.
    parted.is_ok() || std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count) <= 1
}

fn fork(lua: &Lua, (): ()) -> Result<i32> {
    if !is_alone() {
        let threads = std::fs::read_dir("/proc/self/task").map_or(2, Iterator::count);
        return Err(Error::new(
            "fork",
            "threads",
            format!("{threads} threads are running, of which a copy would have one"),
        ));
    }
    flush();
    let own = pidfd(nix::unistd::getpid().as_raw())?;
    children::hold(lua)?;
    // SAFETY: there is one thread, so that no lock of another can be held in the copy.
    match unsafe { nix::unistd::fork() }.map_err(|errno| Error::os("fork", errno))? {
        ForkResult::Parent { child } => Ok(child.as_raw()),
        ForkResult::Child => {
            lua.set_app_data(Parent(own.into_raw_fd()));
            children::forget(lua)?;
            Ok(0)
        }
    }
}

/// The process that `fork` copied, as a descriptor: its id says nothing in another pid namespace. A plain number, since
/// scripts may close all descriptors.
struct Parent(RawFd);

/// Whether the process that this one was forked from has ended.
pub(super) fn has_parent_ended(lua: &Lua) -> bool {
    let Some(parent) = lua.app_data_ref::<Parent>() else {
        return false;
    };
    let mut look = libc::pollfd {
        fd: parent.0,
        events: libc::POLLIN,
        revents: 0,
    };
    // SAFETY: the one entry lives for the call.
    unsafe { libc::poll(&raw mut look, 1, 0) };
    look.revents & libc::POLLIN != 0
}

/// A descriptor that can be read from when a process has ended.
fn pidfd(pid: i32) -> Result<OwnedFd> {
    // SAFETY: pidfd_open takes plain numbers and makes a new descriptor or fails.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    let fd = Errno::result(fd).map_err(|errno| Error::os("pidfd_open", errno))?;
    // SAFETY: the descriptor is new and nobody else's.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}

/// Signals as a new program expects them: none blocked.
fn unblock_all() -> nix::Result<()> {
    SigSet::all().thread_unblock()
}

/// Closes descriptors from `first` up but the kept ones: now, or when another program is started.
pub(super) fn close_from(first: RawFd, keep: &[RawFd], now: bool) -> nix::Result<()> {
    let mut keep: Vec<libc::c_uint> = keep
        .iter()
        .filter(|fd| **fd >= first)
        .map(|fd| *fd as libc::c_uint)
        .collect();
    keep.sort_unstable();
    keep.dedup();
    let how = if now { 0 } else { libc::CLOSE_RANGE_CLOEXEC };
    let mut from = first as libc::c_uint;
    let close = |from: libc::c_uint, to: libc::c_uint| {
        // SAFETY: the caller gives up all descriptors of the range; no memory is touched.
        Errno::result(unsafe { libc::syscall(libc::SYS_close_range, from, to, how) }).map(drop)
    };
    for fd in keep {
        if fd > from {
            close(from, fd - 1)?;
        }
        from = fd + 1;
    }
    close(from, libc::c_uint::MAX)
}

/// Looks a command up as `execvp(3)` does.
fn which(name: &Path, path: Option<std::ffi::OsString>) -> Option<PathBuf> {
    let executable = |path: &Path| {
        let Ok(name) = CString::new(path.as_os_str().as_bytes()) else {
            return false;
        };
        // SAFETY: the name is a live C string.
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

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::is_alone;

    #[test]
    fn other_threads_are_seen() {
        let (end, wait) = channel::<()>();
        let other = std::thread::spawn(move || wait.recv());
        assert!(!is_alone());
        drop(end);
        assert!(other.join().expect("it ends").is_err());
    }
}
