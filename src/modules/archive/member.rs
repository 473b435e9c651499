//! One member of an archive, the limits of an archive, and the errors of reading one.

use std::collections::BTreeMap;
use std::io::ErrorKind;

use crate::error::{Error, Result};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Dir,
    Symlink,
    Hardlink,
    Char,
    Block,
    Fifo,
}

/// One member, with its plain name. The name of the top folder is empty.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) name: Vec<u8>,
    pub(super) kind: Kind,
    pub(super) size: u64,
    pub(super) mode: u32,
    pub(super) mtime: (i64, u32),
    pub(super) link: Vec<u8>,
    pub(super) device: (u32, u32),
    /// `None` if it is not a valid user or group number.
    pub(super) uid: Option<u32>,
    pub(super) gid: Option<u32>,
    /// The value of the extended attribute `security.capability`.
    pub(super) capabilities: Option<Vec<u8>>,
    /// Zeros in its content may become holes.
    pub(super) sparse: bool,
}

/// Receives content, piece by piece.
pub(super) type Sink<'s> = &'s mut dyn FnMut(&[u8]) -> Result<()>;

/// The members of an archive, one after the other.
pub(super) trait Members {
    /// The next member, or `None` at the end of a complete archive.
    fn next(&mut self) -> Result<Option<Member>>;

    /// Passes the unread content of the current member to the sink, piece by piece.
    fn content(&mut self, sink: Sink<'_>) -> Result<()>;

    /// The number of the current member and its offset, for a message.
    fn place(&self) -> (u64, u64);

    /// The kinds of metadata that were dropped, with the number of members of each.
    fn dropped(&mut self) -> BTreeMap<Vec<u8>, u64>;
}

/// The compression ratio is checked only above this size.
pub(super) const RATIO_FROM: u64 = 64 << 20;
/// The most bytes of all names and links together.
pub(super) const NAMES_MAX: u64 = 256 << 20;

/// The limits of an archive.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) bytes: u64,
    pub(super) entries: u64,
    pub(super) ratio: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 64 << 30,
            entries: 2_000_000,
            ratio: 2000,
        }
    }
}

pub(super) fn format(message: impl Into<String>) -> Error {
    Error::new("tar", "format", message)
}

pub(super) fn limit(message: impl Into<String>) -> Error {
    Error::new("tar", "limit", message)
}

/// Turns an error of reading into ours: a file that ends too early, data in a wrong format, or an error of the kernel.
pub(super) fn input_error(error: std::io::Error) -> Error {
    if error.raw_os_error().is_some() {
        return Error::io("read", &error);
    }
    let kind = error.kind();
    let text = error.to_string();
    match error
        .into_inner()
        .map(<dyn std::error::Error + Send + Sync>::downcast::<Error>)
    {
        Some(Ok(own)) => *own,
        _ if kind == ErrorKind::UnexpectedEof => truncated("the compressed data ends too early"),
        _ if kind == ErrorKind::OutOfMemory || text.contains("memory") => {
            limit("its decompression needs too much memory")
        }
        _ => format(format!("broken compressed data: {text}")),
    }
}

/// The error for a file that is not an archive. It lists the known formats.
pub(super) fn no_archive(code: &str, why: &str) -> Error {
    let known = "tar (plain, or with gzip, xz, bzip2, zstd, lzip or lzma), zip and .deb";
    Error::new("tar", code, format!("{why}; what is known: {known}")).with("unknown", "true")
}

pub(super) fn truncated(message: &str) -> Error {
    Error::new("tar", "truncated", message)
}
