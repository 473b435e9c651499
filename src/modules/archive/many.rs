//! Many archives into one tree. Each is unpacked separately, several at once. Then they are moved into the tree in their order.
//! An archive that depends on another one (for example by a hard link into another package) is unpacked again in its turn.

use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use nix::NixPath;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, renameat};
use nix::libc;
use nix::sys::stat::{SFlag, fstatat};

use super::one;
use super::rules::{Placed, Rules, Summary, failed};
use super::staging::Staging;
use super::tree::Tree;
use crate::error::{Error, Result};
use crate::kernel::threads::in_threads;
use crate::modules::progress::{Bar, Unit};
use crate::tree::names::shown;
use crate::tree::remove::remove_quietly;
use crate::tree::replace::beside;
use crate::tree::root::Root;
use crate::tree::steps::type_of;

fn size_of(path: &PathBuf) -> u64 {
    std::fs::metadata(path).map_or(0, |stat| stat.len())
}

/// A bar over the bytes of the archives.
pub(super) fn bar(label: &str, paths: &[PathBuf]) -> Bar {
    Bar::new(label, Some(paths.iter().map(size_of).sum()), Unit::Bytes)
}

/// Unpacks all archives. The result is the same as if they were unpacked one after the other.
pub(super) fn extract_all(
    paths: &[PathBuf],
    target: &Path,
    rules: &Rules,
    threads: usize,
    umask: u32,
    bar: Option<&Bar>,
) -> Result<Summary> {
    let staging = Staging::new(target, true)?;
    let follow = one::follows(rules);
    let root = Root::open(staging.path(), follow).map_err(|e| Error::os("open", e).at(target))?;
    let mut tree = Tree::new(root, rules, umask);
    if staging.is_in_place() && !staging.is_shared() {
        // The target is a mount point. A rename into another mount fails, so the archives are unpacked in place.
        for path in paths {
            one::unpack(path, &mut tree, 1)?;
        }
    } else {
        let parts = Parts(beside(staging.path()));
        std::fs::create_dir(&parts.0).map_err(|e| Error::io("mkdir", &e).at(&parts.0))?;
        let unpacked = unpack_parts(paths, &parts.0, rules, threads, umask, bar);
        if let Some(bar) = bar {
            bar.message("moving them into one tree");
        }
        for ((number, path), part) in paths.iter().enumerate().zip(unpacked) {
            let place = parts.part(number);
            match part {
                Some(Ok(part)) => move_in(part, &place, &mut tree)
                    .map_err(|error| one::located(error, "extract", path, None))?,
                Some(Err(error)) if is_broken(&error) => return Err(error),
                // It failed when unpacked separately. In its turn it succeeds, or the error is the real one.
                _ => {
                    remove_quietly(&place);
                    one::unpack(path, &mut tree, 1)?;
                }
            }
        }
    }
    tree.finish()?;
    staging.commit()?;
    Ok(tree.summary)
}

/// The archive itself is wrong, independent of the others.
fn is_broken(error: &Error) -> bool {
    matches!(error.code.as_str(), "format" | "truncated" | "limit")
}

/// The folder of the parts. It is removed in any case.
struct Parts(PathBuf);

impl Parts {
    fn part(&self, number: usize) -> PathBuf {
        self.0.join(number.to_string())
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        remove_quietly(&self.0);
    }
}

/// One archive, unpacked separately.
struct Part {
    placed: Vec<Placed>,
    summary: Summary,
}

type Slot = Option<Result<Part>>;

fn unpack_parts(
    paths: &[PathBuf],
    parts: &Path,
    rules: &Rules,
    threads: usize,
    umask: u32,
    bar: Option<&Bar>,
) -> Vec<Slot> {
    // The largest first, so that no large one runs alone at the end.
    let mut order: Vec<usize> = (0..paths.len()).collect();
    order.sort_by_cached_key(|&number| std::cmp::Reverse(size_of(&paths[number])));
    let slots: Mutex<Vec<Slot>> = Mutex::new(paths.iter().map(|_| None).collect());
    let (next, done) = (AtomicUsize::new(0), AtomicU64::new(0));
    let work = || {
        while let Some(&number) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
            let place = parts.join(number.to_string());
            let part = unpack_part(&paths[number], &place, rules, umask);
            slots.lock().unwrap_or_else(PoisonError::into_inner)[number] = Some(part);
            let size = size_of(&paths[number]);
            let before = done.fetch_add(size, Ordering::Relaxed);
            if let Some(bar) = bar {
                bar.set(before + size);
            }
        }
    };
    in_threads(threads.min(paths.len()), &work);
    slots.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn unpack_part(path: &Path, part: &Path, rules: &Rules, umask: u32) -> Result<Part> {
    std::fs::create_dir(part).map_err(|e| Error::io("mkdir", &e).at(part))?;
    let root = Root::open(part, one::follows(rules)).map_err(|e| Error::os("open", e).at(part))?;
    let mut tree = Tree::new(root, rules, umask);
    tree.record = Some(Vec::new());
    one::unpack(path, &mut tree, 1)?;
    Ok(Part {
        placed: tree.record.take().unwrap_or_default(),
        summary: tree.summary,
    })
}

/// Moves a part into the tree.
fn move_in(mut part: Part, from: &Path, tree: &mut Tree<'_>) -> Result<()> {
    let mut source = Root::open(from, true).map_err(|e| Error::os("open", e).at(from))?;
    let told = std::mem::take(&mut part.summary.attributes);
    for (name, folder) in part.placed {
        match folder {
            Some(folder) => tree.folder(&name, folder)?,
            None => move_file(&name, &mut source, tree)?,
        }
        tree.record_attribute(&name, told.get(&name).cloned().unwrap_or_default())?;
    }
    tree.summary.entries += part.summary.entries;
    tree.summary.bytes += part.summary.bytes;
    tree.summary.skipped += part.summary.skipped;
    tree.summary.top.extend(part.summary.top);
    for (what, count) in part.summary.dropped {
        tree.summary.drop(&what, count);
    }
    Ok(())
}

/// Renames, unless the new name exists. `nix` has this call for glibc only.
fn rename_if_free(from: &OwnedFd, name: &[u8], to: &OwnedFd, new: &[u8]) -> nix::Result<()> {
    let status = name.with_nix_path(|name| {
        // SAFETY: both names are C strings that live until the call is done, and both descriptors are open.
        new.with_nix_path(|new| unsafe {
            libc::syscall(
                libc::SYS_renameat2,
                from.as_raw_fd(),
                name.as_ptr(),
                to.as_raw_fd(),
                new.as_ptr(),
                libc::RENAME_NOREPLACE,
            )
        })
    })??;
    Errno::result(status).map(drop)
}

fn move_file(name: &[u8], source: &mut Root, tree: &mut Tree<'_>) -> Result<()> {
    let fail = |errno| failed("rename", name, errno);
    let (from, from_last) = source.parent(name, None).map_err(fail)?;
    let (to, to_last) = tree.parent(name)?;
    match rename_if_free(&from, from_last, &to, to_last) {
        // The source is absent if the archive has a name twice: the first entry has moved the file already.
        Ok(()) | Err(Errno::ENOENT) => return Ok(()),
        // Some file systems do not support `RENAME_NOREPLACE`.
        Err(Errno::EEXIST | Errno::EINVAL | Errno::ENOSYS) => {}
        Err(errno) => return Err(Error::os("rename", errno).at(shown(name))),
    }
    if let Ok(stat) = fstatat(&*to, to_last, AtFlags::AT_SYMLINK_NOFOLLOW) {
        match type_of(&stat) {
            SFlag::S_IFDIR => {
                return Err(
                    Error::new("extract", "refused", "a folder is in its place").at(shown(name))
                );
            }
            SFlag::S_IFLNK => tree.root.forget(),
            _ => {}
        }
    }
    let to = Rc::clone(&to);
    renameat(&*from, from_last, &*to, to_last)
        .map_err(|errno| Error::os("rename", errno).at(shown(name)))
}
