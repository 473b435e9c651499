//! Removing, also where modes forbid it.

use std::fs;
use std::io;
use std::path::Path;

use super::{is_absent, make_writable};
use crate::error::{Error, Result};

pub(super) fn one(path: &Path) -> Result<bool> {
    let fail = |e: io::Error| Error::io("remove", &e).at(path);
    match fs::symlink_metadata(path) {
        Err(error) if is_absent(&error) => Ok(false),
        Err(error) => Err(fail(error)),
        Ok(meta) if meta.is_dir() => fs::remove_dir(path).map(|()| true).map_err(fail),
        Ok(_) => fs::remove_file(path).map(|()| true).map_err(fail),
    }
}

pub(super) fn all(path: &Path) -> Result<bool> {
    match fs::symlink_metadata(path) {
        Err(error) if is_absent(&error) => return Ok(false),
        Err(error) => return Err(Error::io("remove", &error).at(path)),
        Ok(meta) if !meta.is_dir() => return one(path),
        Ok(_) => {}
    }
    // The usual tree goes the quick way; the slow way is for folders that forbid writing,
    // such as overlayfs's own working folder of mode 000.
    match fs::remove_dir_all(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            open_up(path)?;
            fs::remove_dir_all(path)
                .map(|()| true)
                .map_err(|e| Error::io("remove", &e).at(path))
        }
        Err(error) if is_absent(&error) => Ok(true),
        Err(error) => Err(Error::io("remove", &error).at(path)),
    }
}

fn open_up(folder: &Path) -> Result<()> {
    make_writable(folder)?;
    let fail = |e: io::Error| Error::io("remove", &e).at(folder);
    for entry in fs::read_dir(folder).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        if entry.file_type().map_err(fail)?.is_dir() {
            open_up(&entry.path())?;
        }
    }
    Ok(())
}
