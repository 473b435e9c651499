//! Times and modes of what is there.

use std::path::Path;

use nix::sys::stat::{FchmodatFlags, Mode};
use nix::sys::time::TimeSpec;

use crate::error::{Error, Result};

/// Sets both times of a path, of a link itself too.
pub(super) fn set_times(path: &Path, seconds: i64) -> Result<()> {
    let time = TimeSpec::new(seconds, 0);
    nix::sys::stat::utimensat(
        nix::fcntl::AT_FDCWD,
        path,
        &time,
        &time,
        nix::sys::stat::UtimensatFlags::NoFollowSymlink,
    )
    .map_err(|errno| Error::os("utimensat", errno).at(path))
}

/// Makes a folder's mode such that its owner can change what is in it.
pub(super) fn make_writable(folder: &Path) -> Result<()> {
    nix::sys::stat::fchmodat(
        nix::fcntl::AT_FDCWD,
        folder,
        Mode::S_IRWXU,
        FchmodatFlags::FollowSymlink,
    )
    .map_err(|errno| Error::os("chmod", errno).at(folder))
}
