//! The user's terminal in raw mode, and back again whatever happens: a process of its own waits for the end of this one.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, IntoRawFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::libc;
use nix::sys::signal::{SigSet, SigmaskHow};
use nix::sys::termios::{SetArg, Termios, cfmakeraw, tcgetattr, tcsetattr};
use nix::unistd::{ForkResult, Pid, fork, pipe2};

use super::terminal::apply;
use crate::error::{Error, Result};

/// Raw mode, as long as the value lives.
pub(super) struct Raw {
    terminal: BorrowedFd<'static>,
    before: Termios,
    guard: Pid,
    /// Its end tells the guard that this process has ended.
    lifeline: Option<OwnedFd>,
}

impl Raw {
    pub(super) fn new(terminal: BorrowedFd<'static>) -> Result<Self> {
        let before = tcgetattr(terminal).map_err(|errno| Error::os("tcgetattr", errno))?;
        let (watched, lifeline) =
            pipe2(OFlag::O_CLOEXEC).map_err(|errno| Error::os("pipe2", errno))?;
        let guard = start_guard(terminal, &before, watched, &lifeline)?;
        let raw = Self {
            terminal,
            before,
            guard,
            lifeline: Some(lifeline),
        };
        let mut settings = raw.before.clone();
        cfmakeraw(&mut settings);
        apply(terminal, &settings)?;
        Ok(raw)
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // A terminal that has gone has no settings.
        let _ = apply(self.terminal, &self.before);
        // The guard does the same once more, and ends.
        drop(self.lifeline.take());
        while nix::sys::wait::waitpid(self.guard, None) == Err(Errno::EINTR) {}
    }
}

/// Starts the process that resets the terminal when this one has ended, however it did.
fn start_guard(
    terminal: BorrowedFd<'_>,
    before: &Termios,
    watched: OwnedFd,
    lifeline: &OwnedFd,
) -> Result<Pid> {
    // SAFETY: the copy makes only plain system calls, with what was made before, and then ends.
    match unsafe { fork() }.map_err(|errno| Error::os("fork", errno))? {
        ForkResult::Parent { child } => Ok(child),
        ForkResult::Child => {
            // It is there to the last: neither what is typed ends it, nor its terminal going, nor a signal to the group.
            let _ = nix::unistd::setpgid(Pid::from_raw(0), Pid::from_raw(0));
            let _ =
                nix::sys::signal::sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::all()), None);
            // SAFETY: a copy of the other end would keep it from ending; nobody uses it in here.
            unsafe { libc::close(lifeline.as_raw_fd()) };
            let watched = watched.into_raw_fd();
            let mut byte = 0_u8;
            // SAFETY: one byte is there to read to. The other process writes none: the call returns at its end.
            while unsafe { libc::read(watched, (&raw mut byte).cast(), 1) } < 0
                && Errno::last() == Errno::EINTR
            {}
            let _ = tcsetattr(terminal.as_fd(), SetArg::TCSANOW, before);
            // SAFETY: ends the process; nothing of it runs after.
            unsafe { libc::_exit(0) }
        }
    }
}
