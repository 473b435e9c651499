//! Puts the user's terminal into raw mode, and back in any case: a guard process waits for the end of this one.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, IntoRawFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::libc;
use nix::sys::signal::{SigSet, SigmaskHow};
use nix::sys::termios::{SetArg, Termios, cfmakeraw, tcgetattr, tcsetattr};
use nix::unistd::{ForkResult, Pid, fork, pipe2};

use super::terminal::apply;
use crate::error::{Error, Result};

/// Raw mode, until the value is dropped.
pub(super) struct Raw {
    terminal: BorrowedFd<'static>,
    before: Termios,
    guard: Pid,
    /// The write end of a pipe. When it is closed, the guard knows that this process has ended.
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
        // This fails if the terminal is gone, and then there is nothing to reset.
        let _ = apply(self.terminal, &self.before);
        // The guard resets the terminal too, and exits.
        drop(self.lifeline.take());
        while nix::sys::wait::waitpid(self.guard, None) == Err(Errno::EINTR) {}
    }
}

/// Starts the process that resets the terminal when this process ends for any reason.
fn start_guard(
    terminal: BorrowedFd<'_>,
    before: &Termios,
    watched: OwnedFd,
    lifeline: &OwnedFd,
) -> Result<Pid> {
    // SAFETY: the child only makes plain system calls, with data that was made before the fork, and then exits.
    match unsafe { fork() }.map_err(|errno| Error::os("fork", errno))? {
        ForkResult::Parent { child } => Ok(child),
        ForkResult::Child => {
            // The guard must outlive this process. A process group of its own and blocked signals protect it from typed signals,
            // a hangup of the terminal, and signals to this process's group.
            let _ = nix::unistd::setpgid(Pid::from_raw(0), Pid::from_raw(0));
            let _ =
                nix::sys::signal::sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::all()), None);
            // SAFETY: the guard does not use the write end. An open copy of it would keep the pipe from ending.
            unsafe { libc::close(lifeline.as_raw_fd()) };
            let watched = watched.into_raw_fd();
            let mut byte = 0_u8;
            // SAFETY: the buffer is one byte. Nothing is ever written: the call returns when the other process has ended.
            while unsafe { libc::read(watched, (&raw mut byte).cast(), 1) } < 0
                && Errno::last() == Errno::EINTR
            {}
            let _ = tcsetattr(terminal.as_fd(), SetArg::TCSANOW, before);
            // SAFETY: ends the process; nothing of it runs after.
            unsafe { libc::_exit(0) }
        }
    }
}
