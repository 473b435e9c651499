//! The parent process, which forked this one.

use std::os::fd::{IntoRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicI32, Ordering};

use nix::libc;

/// A pidfd of the parent: a process id has no meaning in another pid namespace. It is a plain number because scripts may close
/// all descriptors. -1 if this process was not forked.
static PARENT: AtomicI32 = AtomicI32::new(-1);

/// Sets the parent, in a forked process.
pub(crate) fn set(parent: OwnedFd) {
    PARENT.store(parent.into_raw_fd(), Ordering::Relaxed);
}

/// Whether the parent has ended.
pub(crate) fn has_ended() -> bool {
    let fd: RawFd = PARENT.load(Ordering::Relaxed);
    let mut look = libc::pollfd {
        fd,
        events: libc::POLLIN,
        revents: 0,
    };
    // SAFETY: the one entry lives for the call. The kernel ignores a descriptor below 0.
    unsafe { libc::poll(&raw mut look, 1, 0) };
    look.revents & libc::POLLIN != 0
}
