//! Forks this process, and exits.

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

/// Writes out C's streams. `fork` would copy their buffers, and `_exit` would drop them.
fn flush() {
    // SAFETY: with a null pointer `fflush` writes out every open stream of C.
    unsafe { libc::fflush(std::ptr::null_mut()) };
}

/// Whether this process has one thread.
fn is_alone() -> bool {
    // SAFETY: in a process with one thread this changes nothing. With several threads it returns an error.
    let parted = Errno::result(unsafe { libc::unshare(libc::CLONE_THREAD) });
    // A filter may deny the call, with any error.
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
    // SAFETY: there is only one thread, so no other thread can have a lock that stays locked in the copy.
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
