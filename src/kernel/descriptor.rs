//! Descriptors: of processes, and closing them by range.

use std::os::fd::{FromRawFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::libc;

use crate::error::{Error, Result};

/// A descriptor that can be read from when a process has ended.
pub(crate) fn of_process(pid: i32) -> Result<OwnedFd> {
    // SAFETY: pidfd_open takes plain numbers and makes a new descriptor or fails.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    let fd = Errno::result(fd).map_err(|errno| Error::os("pidfd_open", errno))?;
    // SAFETY: the descriptor is new and nobody else's.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}

/// Closes descriptors from `first` up but the kept ones: now, or when another program is started.
pub(crate) fn close_from(first: RawFd, keep: &[RawFd], now: bool) -> nix::Result<()> {
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
        // SAFETY: no memory is touched. What closes is no more used: `close_now` of the only caller that closes at once
        // takes it from those who had it.
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
