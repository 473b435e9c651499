//! What a reader of a file system gives.

use crate::error::{Error, Result};

/// More files than any root has; a damaged image must not keep us busy.
pub(super) const MAX_FILES: usize = 4_000_000;

/// One file, as `image.list` shows it.
pub(super) struct Found {
    pub(super) path: Vec<u8>,
    pub(super) kind: &'static str,
    pub(super) size: u64,
    pub(super) mtime: i64,
    /// What FAT does not know.
    pub(super) owner: Option<Owner>,
    pub(super) target: Option<Vec<u8>>,
}

pub(super) struct Owner {
    pub(super) mode: u32,
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// The value of `security.capability`.
    pub(super) capabilities: Option<Vec<u8>>,
}

pub(super) trait Volume {
    fn label(&self) -> Option<String>;
    /// The volume's own id: a UUID, or FAT's `1234-ABCD`.
    fn id(&self) -> String;
    /// All that is below a folder, in no order; `None` if there is no such folder.
    fn list(&self, folder: &[u8]) -> Result<Option<Vec<Found>>>;
    /// A file's content; `None` if there is no such file.
    fn read(&self, path: &[u8], max: u64) -> Result<Option<Vec<u8>>>;
}

/// The names of a path; empty ones and `.` say nothing.
pub(super) fn names(path: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    path.split(|&byte| byte == b'/')
        .filter(|name| !name.is_empty() && *name != b".")
}

pub(super) fn join(folder: &[u8], name: &[u8]) -> Vec<u8> {
    [folder, b"/", name].concat()
}

/// Fails for a file of more bytes than the caller wants.
pub(super) fn limit(op: &str, size: u64, max: u64) -> Result<()> {
    if size > max {
        let text = format!("the file has {size} bytes, more than the {max} allowed");
        return Err(Error::new(op, "too_large", text));
    }
    Ok(())
}
