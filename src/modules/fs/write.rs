//! Making folders and writing files so that they are there whole or not at all.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::error::{Error, Result};
use crate::tree::replace::Replacement;

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
    let new = Replacement::create(path, Some(options.mode))?;
    let mut file = new.file();
    file.write_all(content)
        .map_err(|e| Error::io("write", &e).at(path))?;
    new.commit(options.sync)
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
