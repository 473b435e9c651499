//! Walks a folder. The result is sorted by the bytes of the paths.

use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use walkdir::WalkDir;

use super::names::{Patterns, shown};
use crate::error::{Error, Result};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    File,
    Dir,
    Link,
}

/// A file, folder or link below a folder.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// The path relative to the folder.
    pub(crate) path: Vec<u8>,
    pub(crate) kind: Type,
    pub(crate) mode: u32,
    pub(crate) size: u64,
    /// Device and inode, if the file has several names.
    pub(crate) shared: Option<(u64, u64)>,
    /// The target of a link.
    pub(crate) target: Vec<u8>,
}

impl Node {
    /// A folder that does not exist on disk, or the top folder.
    pub(crate) fn folder(mode: u32) -> Self {
        Self {
            path: Vec::new(),
            kind: Type::Dir,
            mode,
            size: 0,
            shared: None,
            target: Vec::new(),
        }
    }
}

/// Paths to leave out, with everything below them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Exclude(Patterns);

impl Exclude {
    pub(crate) fn new(patterns: Option<Vec<Vec<u8>>>) -> Self {
        let patterns = patterns.unwrap_or_default();
        Self(Patterns::new(patterns.iter().map(Vec::as_slice)))
    }

    /// Whether a path is left out.
    pub(crate) fn covers(&self, path: &[u8]) -> bool {
        self.0.cover(path)
    }
}

/// Everything below a folder, sorted by the bytes of the paths. Other than files, folders and links are an error.
pub(crate) fn walk(op: &str, top: &Path, exclude: &Exclude) -> Result<Vec<Node>> {
    let mut nodes: Vec<Node> = Vec::new();
    let relative = |path: &Path| {
        let rest = path.strip_prefix(top).unwrap_or(path);
        rest.as_os_str().as_bytes().to_vec()
    };
    let mut entries = WalkDir::new(top).min_depth(1).into_iter();
    while let Some(entry) = entries.next() {
        let entry = entry.map_err(|e| failed("open", top, e))?;
        let path = relative(entry.path());
        if exclude.0.cover(&path) {
            if entry.file_type().is_dir() {
                entries.skip_current_dir();
            }
            continue;
        }
        nodes.push(node(op, top, &entry, path)?);
    }
    nodes.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    Ok(nodes)
}

fn node(op: &str, top: &Path, entry: &walkdir::DirEntry, path: Vec<u8>) -> Result<Node> {
    let place = || shown(entry.path().as_os_str().as_bytes());
    let meta = entry.metadata().map_err(|e| failed("stat", top, e))?;
    let kind = meta.file_type();
    let (kind, target) = if kind.is_file() {
        (Type::File, Vec::new())
    } else if kind.is_dir() {
        (Type::Dir, Vec::new())
    } else if kind.is_symlink() {
        let text = std::fs::read_link(entry.path());
        let text = text.map_err(|e| Error::io("readlink", &e).at(place()))?;
        (Type::Link, text.into_os_string().into_encoded_bytes())
    } else {
        return Err(Error::new(op, "type", "this is no file, folder or link").at(place()));
    };
    let is_file = kind == Type::File;
    Ok(Node {
        path,
        kind,
        mode: meta.mode() & 0o7777,
        size: if is_file { meta.size() } else { 0 },
        shared: (is_file && meta.nlink() > 1).then_some((meta.dev(), meta.ino())),
        target,
    })
}

/// The error of a walk below `top`, with the path that failed.
pub(crate) fn failed(op: &str, top: &Path, error: walkdir::Error) -> Error {
    let path = error.path().unwrap_or(top).as_os_str().as_bytes();
    let failed = match error.io_error() {
        Some(cause) => Error::io(op, cause),
        None => Error::new(op, "io", error.to_string()),
    };
    failed.at(shown(path))
}
