//! The process that this one was forked from.

use std::os::fd::{IntoRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicI32, Ordering};

use nix::libc;

/// A descriptor of the parent: its id says nothing in another pid namespace. A plain number, since scripts may close all
/// descriptors; -1 where this process was not forked.
static PARENT: AtomicI32 = AtomicI32::new(-1);

/// Notes in a forked process which one it was copied from.
pub(crate) fn set(parent: OwnedFd) {
    PARENT.store(parent.into_raw_fd(), Ordering::Relaxed);
}

/// Whether the process that this one was forked from has ended.
pub(crate) fn has_ended() -> bool {
    let fd: RawFd = PARENT.load(Ordering::Relaxed);
    let mut look = libc::pollfd {
        fd,
        events: libc::POLLIN,
        revents: 0,
    };
    // SAFETY: the one entry lives for the call; a descriptor below 0 is passed over.
    unsafe { libc::poll(&raw mut look, 1, 0) };
    look.revents & libc::POLLIN != 0
}
