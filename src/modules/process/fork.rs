//! Copies of this process, and its end.

use std::os::unix::process::CommandExt;

use mlua::Lua;
use nix::errno::Errno;
use nix::libc;
use nix::unistd::ForkResult;

use super::command::Command;
use super::{children, reap};
use crate::error::{Error, Result};
use crate::kernel::{descriptor, parent};

pub(super) fn exec(_: &Lua, command: Command) -> Result<()> {
    flush();
    let mut prepared = command.prepare("exec")?;
    let error = prepared.command.exec();
    Err(command.not_started("exec", &error))
}

pub(super) fn exit(_: &Lua, status: i32) -> Result<()> {
    flush();
    // SAFETY: ends the process; nothing of it runs after.
    unsafe { libc::_exit(status) }
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

pub(super) fn fork(lua: &Lua, (): ()) -> Result<i32> {
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
    reap::block_signals(lua)?;
    // SAFETY: there is one thread, so that no lock of another can be held in the copy.
    match unsafe { nix::unistd::fork() }.map_err(|errno| Error::os("fork", errno))? {
        ForkResult::Parent { child } => Ok(child.as_raw()),
        ForkResult::Child => {
            parent::set(own);
            children::forget(lua);
            reap::unblock_signals(lua)?;
            Ok(0)
        }
    }
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
