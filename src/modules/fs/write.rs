//! Making folders and writing files so that they are there whole or not at all.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::error::{Error, Result};

pub(super) fn mkdir(path: &Path, mode: u32) -> Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(mode)
        .create(path)
        .map_err(|e| Error::io("mkdir", &e).at(path))
}

pub(super) fn mkdtemp(prefix: &Path) -> Result<PathBuf> {
    let template = [prefix.as_os_str().as_bytes(), b"XXXXXX"].concat();
    nix::unistd::mkdtemp(Path::new(&std::ffi::OsString::from_vec(template)))
        .map_err(|errno| Error::os("mkdtemp", errno).at(prefix))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct WriteOptions {
    mode: u32,
    sync: bool,
}

impl Default for WriteOptions {
    fn default() -> Self {
        Self {
            mode: 0o644,
            sync: true,
        }
    }
}

pub(super) fn write(path: &Path, content: &[u8], options: &WriteOptions) -> Result<()> {
    let mut name = path.as_os_str().as_bytes().to_vec();
    name.extend_from_slice(format!(".tmp.{}", std::process::id()).as_bytes());
    let temporary = PathBuf::from(std::ffi::OsString::from_vec(name));
    let result =
        write_new(&temporary, content, options).and_then(|()| fs::rename(&temporary, path));
    if let Err(error) = result {
        // What cannot be removed either is a leftover of the same failure, and is reported with it.
        let _ = fs::remove_file(&temporary);
        return Err(Error::io("write", &error).at(path));
    }
    if options.sync {
        sync_parent(path).map_err(|e| Error::io("fsync", &e).at(path))?;
    }
    Ok(())
}

fn write_new(path: &Path, content: &[u8], options: &WriteOptions) -> io::Result<()> {
    // A leftover of a process that had this id before us and was killed.
    let _ = fs::remove_file(path);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(options.mode)
        .open(path)?;
    file.write_all(content)?;
    file.set_permissions(fs::Permissions::from_mode(options.mode))?;
    if options.sync {
        file.sync_all()
    } else {
        Ok(())
    }
}

/// Waits until a rename into a folder is on the disk.
fn sync_parent(path: &Path) -> io::Result<()> {
    let parent = path
        .parent()
        .filter(|p| !p.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    File::open(parent)?.sync_all()
}

pub(super) fn append(path: &Path, content: &[u8]) -> Result<()> {
    let fail = |e: io::Error| Error::io("append", &e).at(path);
    let mut file = OpenOptions::new()
        .append(true)
        .create(true)
        .open(path)
        .map_err(fail)?;
    file.write_all(content).map_err(fail)
}
