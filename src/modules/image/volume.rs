//! The interface of the file system readers.

use crate::error::{Error, Result};

/// The limit for one listing. A real root has fewer files; a damaged image could claim any number.
pub(super) const MAX_FILES: usize = 4_000_000;

/// One file, as `image.list` returns it.
pub(super) struct Found {
    pub(super) path: Vec<u8>,
    pub(super) kind: &'static str,
    pub(super) size: u64,
    pub(super) mtime: i64,
    /// `None` on FAT, which has no owners and modes.
    pub(super) owner: Option<Owner>,
    pub(super) target: Option<Vec<u8>>,
}

pub(super) struct Owner {
    pub(super) mode: u32,
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// The value of the extended attribute `security.capability`.
    pub(super) capabilities: Option<Vec<u8>>,
}

pub(super) trait Volume {
    fn label(&self) -> Option<String>;
    /// The id of the file system: a UUID, or `1234-ABCD` on FAT.
    fn id(&self) -> String;
    /// All files below a folder, unsorted; `None` if the folder does not exist.
    fn list(&self, folder: &[u8]) -> Result<Option<Vec<Found>>>;
    /// The content of a file; `None` if it does not exist.
    fn read(&self, path: &[u8], max: u64) -> Result<Option<Vec<u8>>>;
}

/// The components of a path, without empty ones and `.`.
pub(super) fn names(path: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    path.split(|&byte| byte == b'/')
        .filter(|name| !name.is_empty() && *name != b".")
}

pub(super) fn join(folder: &[u8], name: &[u8]) -> Vec<u8> {
    [folder, b"/", name].concat()
}

/// Fails if a file is larger than the caller allows.
pub(super) fn limit(op: &str, size: u64, max: u64) -> Result<()> {
    if size > max {
        let text = format!("the file has {size} bytes, more than the {max} allowed");
        return Err(Error::new(op, "too_large", text));
    }
    Ok(())
}
