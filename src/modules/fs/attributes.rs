//! Sets times and modes.

use std::path::Path;

use nix::sys::stat::{FchmodatFlags, Mode};
use nix::sys::time::TimeSpec;

use crate::error::{Error, Result};

/// Sets both times of a path. Does not follow a link.
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

/// Sets the mode of a folder so that its owner can change its content.
pub(super) fn make_writable(folder: &Path) -> Result<()> {
    nix::sys::stat::fchmodat(
        nix::fcntl::AT_FDCWD,
        folder,
        Mode::S_IRWXU,
        FchmodatFlags::FollowSymlink,
    )
    .map_err(|errno| Error::os("chmod", errno).at(folder))
}
