//! One member of a tar, how much a tar may hold, and what can be wrong with one.

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

/// One member, by its plain name; the name is empty for the top itself.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) name: Vec<u8>,
    pub(super) kind: Kind,
    pub(super) size: u64,
    pub(super) mode: u32,
    pub(super) mtime: (i64, u32),
    pub(super) link: Vec<u8>,
    pub(super) device: (u32, u32),
    /// `None` for what is no number of a user or group.
    pub(super) uid: Option<u32>,
    pub(super) gid: Option<u32>,
    /// The value of the extended attribute `security.capability`.
    pub(super) capabilities: Option<Vec<u8>>,
    /// Its zeros may be holes.
    pub(super) sparse: bool,
}

/// What takes content, piece by piece.
pub(super) type Sink<'s> = &'s mut dyn FnMut(&[u8]) -> Result<()>;

/// The members of an archive, one after the other.
pub(super) trait Members {
    /// The next member, or `None` after a proper end.
    fn next(&mut self) -> Result<Option<Member>>;

    /// Hands on what is left of the current member's content, piece by piece.
    fn content(&mut self, sink: Sink<'_>) -> Result<()>;

    /// The number of the current member, and where it starts, for a message.
    fn place(&self) -> (u64, u64);

    /// What was not kept, by its key, and of how many members.
    fn dropped(&mut self) -> BTreeMap<Vec<u8>, u64>;
}

/// Below this, a good compression is no reason to be suspicious.
pub(super) const RATIO_FROM: u64 = 64 << 20;
/// All names and links together.
pub(super) const NAMES_MAX: u64 = 256 << 20;

/// How much an archive may hold.
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

/// What reading said: a file that ends too early, data that does not fit its format, or the kernel's word.
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

/// What is no archive at all, with what would be one.
pub(super) fn no_archive(code: &str, why: &str) -> Error {
    let known = "tar (plain, or with gzip, xz, bzip2, zstd, lzip or lzma), zip and .deb";
    Error::new("tar", code, format!("{why}; what is known: {known}")).with("unknown", "true")
}

pub(super) fn truncated(message: &str) -> Error {
    Error::new("tar", "truncated", message)
}
