//! Removes files and trees. Works also if modes forbid it, and for trees of any depth.

use std::ffi::{CStr, CString};
use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use nix::dir::{Dir, Type};
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, openat, renameat};
use nix::libc;
use nix::sys::stat::{FchmodatFlags, Mode, SFlag, fchmod, fchmodat, fstatat};
use nix::unistd::{UnlinkatFlags, unlinkat};

use crate::error::{Error, Result};

/// The most nested folders that are open at once. Deeper folders are moved up first, so that neither the limit of descriptors
/// nor the stack matters.
const DEPTH: usize = 64;
const FOLDER: OFlag = OFlag::O_RDONLY
    .union(OFlag::O_DIRECTORY)
    .union(OFlag::O_NOFOLLOW)
    .union(OFlag::O_CLOEXEC);

/// Removes a file or an empty folder. Returns whether there was one.
pub(crate) fn one(path: &Path) -> Result<bool> {
    let fail = |e: io::Error| Error::io("remove", &e).at(path);
    match fs::symlink_metadata(path) {
        Err(error) if is_absent(&error) => Ok(false),
        Err(error) => Err(fail(error)),
        Ok(meta) if meta.is_dir() => fs::remove_dir(path).map(|()| true).map_err(fail),
        Ok(_) => fs::remove_file(path).map(|()| true).map_err(fail),
    }
}

/// Removes a file, or a folder with its content. Returns whether there was one.
pub(crate) fn all(path: &Path) -> Result<bool> {
    match fs::symlink_metadata(path) {
        Err(error) if is_absent(&error) => return Ok(false),
        Err(error) => return Err(Error::io("remove", &error).at(path)),
        Ok(meta) if !meta.is_dir() => return one(path),
        Ok(_) => {}
    }
    tree(path)
        .map(|()| true)
        .map_err(|errno| Error::os("remove", errno).at(path))
}

/// Removes a folder with its content.
pub(crate) fn tree(path: &Path) -> nix::Result<()> {
    let top = open_folder(AT_FDCWD, path)?;
    let mut tree = Tree {
        top: top.as_fd(),
        moved: 0,
    };
    loop {
        let before = tree.moved;
        tree.empty(top.as_fd(), 0)?;
        if tree.moved == before {
            break;
        }
    }
    absent_is_fine(unlinkat(AT_FDCWD, path, UnlinkatFlags::RemoveDir))
}

/// Removes a file or folder, and ignores errors. For cleaning up, where an error could not be reported.
pub(crate) fn remove_quietly(path: &Path) {
    drop(all(path));
}

/// Whether an error only says that the name does not exist.
pub(crate) fn is_absent(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ENOTDIR))
}

struct Tree<'t> {
    top: BorrowedFd<'t>,
    /// The number of folders that were moved up.
    moved: u64,
}

impl Tree<'_> {
    fn empty(&mut self, folder: BorrowedFd<'_>, depth: usize) -> nix::Result<()> {
        for (name, is_folder) in entries(folder)? {
            let mut flags = UnlinkatFlags::NoRemoveDir;
            if is_folder {
                if depth == DEPTH {
                    self.move_up(folder, &name)?;
                    continue;
                }
                match open_folder(folder, name.as_c_str()) {
                    Ok(inner) => self.empty(inner.as_fd(), depth + 1)?,
                    Err(Errno::ENOENT) => continue,
                    Err(errno) => return Err(errno),
                }
                flags = UnlinkatFlags::RemoveDir;
            }
            let removed = retry_with_mode(
                || unlinkat(folder, name.as_c_str(), flags),
                || fchmod(folder, Mode::S_IRWXU),
            );
            absent_is_fine(removed)?;
        }
        Ok(())
    }

    fn move_up(&mut self, folder: BorrowedFd<'_>, name: &CStr) -> nix::Result<()> {
        loop {
            self.moved += 1;
            let to = format!(".deep-{}", self.moved);
            let moved = retry_with_mode(
                || renameat(folder, name, self.top, to.as_str()),
                || {
                    fchmod(folder, Mode::S_IRWXU)?;
                    // The move changes the `..` entry of the folder, so the folder must be writable too.
                    fchmodat(folder, name, Mode::S_IRWXU, FchmodatFlags::FollowSymlink)
                },
            );
            match moved {
                Err(Errno::EEXIST | Errno::ENOTEMPTY | Errno::ENOTDIR) => {}
                moved => return absent_is_fine(moved),
            }
        }
    }
}

/// The names in a folder, each with whether it is a folder.
fn entries(folder: BorrowedFd<'_>) -> nix::Result<Vec<(CString, bool)>> {
    let mut dir = retry_with_mode(
        || Dir::openat(folder, c".", FOLDER, Mode::empty()),
        || fchmod(folder, Mode::S_IRWXU),
    )?;
    let mut entries = Vec::new();
    for entry in dir.iter() {
        let entry = entry?;
        let name = entry.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        let is_folder = if let Some(kind) = entry.file_type() {
            kind == Type::Directory
        } else {
            let stat = fstatat(folder, name, AtFlags::AT_SYMLINK_NOFOLLOW)?;
            SFlag::from_bits_truncate(stat.st_mode & SFlag::S_IFMT.bits()) == SFlag::S_IFDIR
        };
        entries.push((name.to_owned(), is_folder));
    }
    Ok(entries)
}

fn open_folder<P: nix::NixPath + ?Sized>(at: BorrowedFd<'_>, name: &P) -> nix::Result<OwnedFd> {
    retry_with_mode(
        || openat(at, name, FOLDER, Mode::empty()),
        || fchmodat(at, name, Mode::S_IRWXU, FchmodatFlags::FollowSymlink),
    )
}

/// Calls `body`. If modes forbid it, calls `allow` to change them, and then `body` again.
fn retry_with_mode<T>(
    mut body: impl FnMut() -> nix::Result<T>,
    mut allow: impl FnMut() -> nix::Result<()>,
) -> nix::Result<T> {
    match body() {
        Err(Errno::EACCES) if allow().is_ok() => body(),
        result => result,
    }
}

/// Accepts that the name is absent: another process may have removed it.
fn absent_is_fine(result: nix::Result<()>) -> nix::Result<()> {
    match result {
        Err(Errno::ENOENT) => Ok(()),
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;
    use std::os::unix::fs::PermissionsExt;

    use nix::fcntl::AT_FDCWD;
    use nix::sys::stat::{Mode, mkdirat};

    use super::{DEPTH, open_folder, tree};

    /// A tree whose paths are longer than a path may be, with names that block the moves, and modes that forbid them.
    #[test]
    fn a_deep_tree() {
        let place = tempfile::tempdir().expect("a folder");
        let top = place.path().join("top");
        std::fs::create_dir(&top).expect("a folder");
        let mut folder = open_folder(AT_FDCWD, &top).expect("it is there");
        let name = "a name of some thirty characters";
        for depth in 0..200 {
            mkdirat(&folder, name, Mode::S_IRWXU).expect("a folder");
            let inner = open_folder(folder.as_fd(), name).expect("it is there");
            if depth % 50 == 7 || depth == DEPTH {
                mkdirat(&folder, "shut", Mode::empty()).expect("a folder");
                nix::sys::stat::fchmod(&folder, Mode::S_IRUSR).expect("it is ours");
            }
            folder = inner;
        }
        drop(folder);
        std::fs::write(top.join(".deep-1"), "").expect("a file");
        std::fs::create_dir(top.join(".deep-2")).expect("a folder");
        std::fs::create_dir_all(top.join(".deep-3/in/it")).expect("a folder");
        std::os::unix::fs::symlink("/", top.join(".deep-4")).expect("a link");
        tree(&top).expect("it goes");
        assert_eq!(
            std::fs::read_dir(place.path()).expect("is there").count(),
            0
        );
    }

    #[test]
    fn links_are_not_followed() {
        let place = tempfile::tempdir().expect("a folder");
        let (top, other) = (place.path().join("top"), place.path().join("other"));
        for folder in [&top, &other] {
            std::fs::create_dir(folder).expect("a folder");
        }
        std::fs::write(other.join("file"), "").expect("a file");
        std::os::unix::fs::symlink(&other, top.join("link")).expect("a link");
        std::fs::set_permissions(&top, PermissionsExt::from_mode(0o555)).expect("it is ours");
        tree(&top).expect("it goes");
        assert!(!top.exists() && other.join("file").exists());
    }
}
