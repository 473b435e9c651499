//! Opens descriptors of processes, and closes ranges of descriptors.

use std::os::fd::{FromRawFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::libc;

use crate::error::{Error, Result};

/// A descriptor that becomes readable when the process has ended.
pub(crate) fn of_process(pid: i32) -> Result<OwnedFd> {
    // SAFETY: pidfd_open takes plain numbers and makes a new descriptor or fails.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    let fd = Errno::result(fd).map_err(|errno| Error::os("pidfd_open", errno))?;
    // SAFETY: the descriptor is new and nobody else's.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}

/// Closes the descriptors from `first` up, except those in `keep`: now, or when another program is executed.
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
        // SAFETY: the call accesses no memory. Descriptors that it closes are not used again: only one caller closes at once,
        // and its `close_now` takes them away from their owners.
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
