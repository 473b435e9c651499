//! `bq.process`: runs programs, waits for them, and is the first process of a pid namespace.

mod children;
mod command;
mod jobs;
mod run;

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};

use mlua::{Lua, Table, Value};
use nix::errno::Errno;
use nix::libc;
use nix::unistd::{ForkResult, Pid};

use super::arguments::{Bytes, required, text};
use crate::error::{Error, Result, native};
use crate::kernel::{descriptor, parent, program, signal};

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
            program::executable()
                .ok_or_else(|| Error::os("readlink", Errno::ENOENT).at("/proc/self/exe"))?,
        )
    })
}

fn kill(_: &Lua, (pid, name): (i32, String)) -> Result<bool> {
    let signal = if name == "0" {
        None
    } else {
        Some(signal::number(&name)?)
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
    let own = descriptor::of_process(nix::unistd::getpid().as_raw())?;
    children::hold(lua)?;
    // SAFETY: there is one thread, so that no lock of another can be held in the copy.
    match unsafe { nix::unistd::fork() }.map_err(|errno| Error::os("fork", errno))? {
        ForkResult::Parent { child } => Ok(child.as_raw()),
        ForkResult::Child => {
            parent::set(own);
            children::forget(lua)?;
            Ok(0)
        }
    }
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
