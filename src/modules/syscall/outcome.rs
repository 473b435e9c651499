//! Turns failed system calls into errors with the name of the call.

use std::path::Path;

use nix::errno::Errno;
use nix::libc;

use crate::error::{Error, Result};

pub(super) fn os<T>(op: &str, result: nix::Result<T>) -> Result<T> {
    result.map_err(|errno| Error::os(op, errno))
}

pub(super) fn at<T>(op: &str, path: &Path, result: nix::Result<T>) -> Result<T> {
    result.map_err(|errno| Error::os(op, errno).at(path))
}

/// The result of a call that returns -1 and sets errno.
pub(super) fn check(op: &str, result: libc::c_long) -> Result<()> {
    if result < 0 {
        Err(Error::os(op, Errno::last()))
    } else {
        Ok(())
    }
}
