//! All that a folder holds, in the order of its paths' bytes.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, open, readlinkat};
use nix::sys::stat::{Mode, SFlag, fstatat};

use super::names::{Patterns, shown};
use super::root::type_of;
use crate::error::{Error, Result};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    File,
    Dir,
    Link,
}

/// Something below a folder.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// Relative to the folder.
    pub(crate) path: Vec<u8>,
    pub(crate) kind: Type,
    pub(crate) mode: u32,
    pub(crate) size: u64,
    /// Device and inode, where another name may be the same file.
    pub(crate) shared: Option<(u64, u64)>,
    /// The text of a link.
    pub(crate) target: Vec<u8>,
}

/// Paths that are left out, with what is below them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Exclude(Patterns);

impl Exclude {
    pub(crate) fn new(patterns: Option<Vec<Vec<u8>>>) -> Self {
        let patterns = patterns.unwrap_or_default();
        Self(Patterns::new(patterns.iter().map(Vec::as_slice)))
    }
}

/// Everything below a folder, sorted by the bytes of the paths. What is no file, folder or link is an error.
pub(crate) fn walk(op: &str, top: &Path, exclude: &Exclude) -> Result<Vec<Node>> {
    let at = |path: &[u8]| {
        shown(
            top.join(std::ffi::OsStr::from_bytes(path))
                .as_os_str()
                .as_bytes(),
        )
    };
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let root = open(top, flags, Mode::empty()).map_err(|e| Error::os("open", e).at(top))?;
    let mut nodes: Vec<Node> = Vec::new();
    let mut folders = vec![Vec::new()];
    while let Some(folder) = folders.pop() {
        let name = if folder.is_empty() {
            b".".as_slice()
        } else {
            &folder
        };
        let mut dir = Dir::openat(&root, name, flags | OFlag::O_NOFOLLOW, Mode::empty())
            .map_err(|e| Error::os("open", e).at(at(&folder)))?;
        let mut names = Vec::new();
        for entry in dir.iter() {
            let entry = entry.map_err(|e| Error::os("readdir", e).at(at(&folder)))?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                names.push(name.to_vec());
            }
        }
        for name in names {
            let path = if folder.is_empty() {
                name.clone()
            } else {
                [&folder, b"/".as_slice(), &name].concat()
            };
            if exclude.0.cover(&path) {
                continue;
            }
            let shown = || at(&path);
            let found = look(&dir, &name, path.clone());
            let Some(node) = found.map_err(|(call, errno)| Error::os(call, errno).at(shown()))?
            else {
                return Err(Error::new(op, "type", "this is no file, folder or link").at(shown()));
            };
            if node.kind == Type::Dir {
                folders.push(node.path.clone());
            }
            nodes.push(node);
        }
    }
    nodes.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    Ok(nodes)
}

fn look(
    dir: &Dir,
    name: &[u8],
    path: Vec<u8>,
) -> std::result::Result<Option<Node>, (&'static str, Errno)> {
    let stat = fstatat(dir, name, AtFlags::AT_SYMLINK_NOFOLLOW).map_err(|e| ("stat", e))?;
    let (kind, target) = match type_of(&stat) {
        SFlag::S_IFREG => (Type::File, Vec::new()),
        SFlag::S_IFDIR => (Type::Dir, Vec::new()),
        SFlag::S_IFLNK => {
            let text = readlinkat(dir, name).map_err(|e| ("readlink", e))?;
            (Type::Link, text.as_bytes().to_vec())
        }
        _ => return Ok(None),
    };
    let is_file = kind == Type::File;
    Ok(Some(Node {
        path,
        kind,
        mode: stat.st_mode & 0o7777,
        size: if is_file {
            stat.st_size.unsigned_abs()
        } else {
            0
        },
        shared: (is_file && stat.st_nlink > 1).then_some((stat.st_dev, stat.st_ino)),
        target,
    }))
}
