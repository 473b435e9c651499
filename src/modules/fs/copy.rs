//! Copies trees with modes and times, but without set-id bits. Uses reflinks if the file system supports them.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use mlua::Lua;
use nix::libc;

use super::attributes::{make_writable, set_times};
use crate::error::{Error, Result};
use crate::lua::bytes::Bytes;
use crate::modules::progress::during;
use crate::tree::remove::{self, is_absent};

options! {
    pub(super) struct CopyOptions {
        hardlink: bool = false,
        merge: bool = false,
        skip: Vec<Bytes> = Vec::new(),
    }
}

nix::ioctl_write_int!(ficlone, 0x94, 9);

/// Copies a path and everything below it. Files that are hard links of each other stay so.
pub(super) fn copy(_: &Lua, (from, to, options): (Bytes, Bytes, CopyOptions)) -> Result<()> {
    let mut copier = Copier {
        options: &options,
        seen: HashMap::new(),
    };
    during(|| copier.copy(&from, &to))
}

struct Copier<'o> {
    options: &'o CopyOptions,
    seen: HashMap<(u64, u64), PathBuf>,
}

impl Copier<'_> {
    fn copy(&mut self, from: &Path, to: &Path) -> Result<()> {
        if self.options.skip.iter().any(|path| path.path() == from) {
            return Ok(());
        }
        let fail = |e: io::Error| Error::io("copy", &e).at(to);
        let meta = fs::symlink_metadata(from).map_err(|e| Error::io("copy", &e).at(from))?;
        let kind = meta.file_type();
        let entered = self.options.merge && make_room(to, kind.is_dir())?;
        if kind.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(from).map_err(fail)?, to).map_err(fail)?;
        } else if kind.is_dir() {
            if entered {
                make_writable(to)?;
            } else {
                fs::DirBuilder::new().mode(0o700).create(to).map_err(fail)?;
            }
            for entry in fs::read_dir(from).map_err(fail)? {
                let entry = entry.map_err(fail)?;
                self.copy(&entry.path(), &to.join(entry.file_name()))?;
            }
            fs::set_permissions(to, plain(&meta)).map_err(fail)?;
        } else if kind.is_file() {
            if self.linked(from, to, &meta).map_err(fail)? {
                return Ok(());
            }
            content(from, to).map_err(fail)?;
            fs::set_permissions(to, plain(&meta)).map_err(fail)?;
        } else {
            return Err(
                Error::new("copy", "unsupported", "neither a file, a folder nor a link").at(from),
            );
        }
        set_times(to, meta.mtime())
    }

    /// Makes a hard link instead of a copy, if that is wanted, or if the file is a hard link of one copied before. Returns
    /// whether it did.
    fn linked(&mut self, from: &Path, to: &Path, meta: &fs::Metadata) -> io::Result<bool> {
        if self.options.hardlink && fs::hard_link(from, to).is_ok() {
            return Ok(true);
        }
        if meta.nlink() < 2 {
            return Ok(false);
        }
        match self.seen.entry((meta.dev(), meta.ino())) {
            std::collections::hash_map::Entry::Occupied(first) => {
                fs::hard_link(first.get(), to).map(|()| true)
            }
            std::collections::hash_map::Entry::Vacant(slot) => {
                slot.insert(to.to_owned());
                Ok(false)
            }
        }
    }
}

/// The mode without set-id bits: the copy belongs to the caller, and others could run it with the caller's rights.
fn plain(meta: &fs::Metadata) -> fs::Permissions {
    fs::Permissions::from_mode(meta.mode() & 0o1777)
}

/// Removes the old file or folder at the target, except a folder for a folder. Then returns true, and the folders are merged.
/// Never follows a link.
fn make_room(to: &Path, for_folder: bool) -> Result<bool> {
    match fs::symlink_metadata(to) {
        Ok(meta) if for_folder && meta.is_dir() => Ok(true),
        Ok(_) => remove::all(to).map(|_| false),
        Err(error) if is_absent(&error) => Ok(false),
        Err(error) => Err(Error::io("copy", &error).at(to)),
    }
}

fn content(from: &Path, to: &Path) -> io::Result<()> {
    let source = File::open(from)?;
    let mut target = File::create_new(to)?;
    // SAFETY: both descriptors are open for the call, which accesses no memory.
    let cloned = unsafe {
        ficlone(
            target.as_raw_fd(),
            libc::c_ulong::from(source.as_raw_fd().unsigned_abs()),
        )
    };
    if cloned.is_err() {
        // std copies files with copy_file_range if possible.
        io::copy(&mut &source, &mut target)?;
    }
    Ok(())
}
