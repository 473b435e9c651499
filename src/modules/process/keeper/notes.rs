//! The recorded modes with set-id bits, and capabilities. Each file is kept open: so its name is known after a rename, and its
//! inode number is not used again.

use std::collections::HashMap;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::libc;
use nix::sys::stat::{FileStat, Mode, SFlag, fstat};

use super::filter::SET_ID;

/// The most files that can be recorded. Each needs a descriptor.
const MAX: usize = 512;

/// The most refused calls that are recorded: what is told of them is an example.
const MAX_REFUSED: usize = 16;

/// The end of the name of a file that was removed (`proc_pid_fd(5)`).
const REMOVED: &[u8] = b" (deleted)";

#[derive(Default)]
pub(super) struct Notes {
    files: HashMap<(u64, u64), Note>,
    refused: Vec<Refused>,
}

/// What a call sets.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Mode,
    Capability,
}

/// A call that would have set something that cannot be recorded.
#[derive(PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) what: What,
    /// The path as the program gave it, if it could be read.
    pub(super) path: Option<Vec<u8>>,
}

struct Note {
    file: OwnedFd,
    mode: Option<u32>,
    capability: Option<Vec<u8>>,
}

/// The recorded attributes of one file.
pub(super) struct Noted {
    /// If it has no name any more, the last one.
    pub(super) path: Vec<u8>,
    pub(super) is_removed: bool,
    pub(super) is_dir: bool,
    pub(super) dev: u64,
    pub(super) ino: u64,
    pub(super) mode: Option<u32>,
    pub(super) capability: Option<Vec<u8>>,
}

fn key(stat: &FileStat) -> (u64, u64) {
    (stat.st_dev, stat.st_ino)
}

pub(super) fn kind(stat: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(stat.st_mode & SFlag::S_IFMT.bits())
}

impl Notes {
    pub(super) fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Records a call that failed because of this process.
    pub(super) fn refuse(&mut self, what: What, path: Option<Vec<u8>>) {
        let one = Refused { what, path };
        if self.refused.len() < MAX_REFUSED && !self.refused.contains(&one) {
            self.refused.push(one);
        }
    }

    pub(super) fn refused(&self) -> &[Refused] {
        &self.refused
    }

    /// Records the mode of a new file, which has the rest of it.
    pub(super) fn created(&mut self, file: &OwnedFd, mode: u32) -> nix::Result<()> {
        // Not the open file itself: the kernel starts no program that somebody can write to.
        let name = format!("/proc/self/fd/{}", file.as_raw_fd());
        let look = OFlag::O_PATH | OFlag::O_CLOEXEC;
        let file = open(name.as_str(), look, Mode::empty())?;
        let stat = fstat(&file)?;
        self.note(file, &stat)?.mode = Some(mode);
        Ok(())
    }

    /// Sets a mode without its set-id bits, and records the whole mode.
    pub(super) fn chmod(&mut self, file: OwnedFd, mode: u32) -> nix::Result<()> {
        let stat = fstat(&file)?;
        if kind(&stat) == SFlag::S_IFLNK {
            return Err(Errno::EOPNOTSUPP);
        }
        // fchmod does not work on an `O_PATH` descriptor. chmod on this name does.
        let name = format!("/proc/self/fd/{}\0", file.as_raw_fd());
        // SAFETY: the name ends with a zero and lives for the call.
        let set = unsafe { libc::chmod(name.as_ptr().cast(), mode & 0o7777 & !SET_ID) };
        Errno::result(set)?;
        if matches!(kind(&stat), SFlag::S_IFREG | SFlag::S_IFDIR) {
            self.note(file, &stat)?.mode = Some(mode & 0o7777);
        }
        Ok(())
    }

    /// Drops the recorded mode: the file itself has a plain mode now.
    pub(super) fn has_plain_mode(&mut self, file: &OwnedFd) -> nix::Result<()> {
        self.change(file, |note| note.mode = None)
    }

    pub(super) fn set_capability(&mut self, file: OwnedFd, value: Vec<u8>) -> nix::Result<()> {
        let stat = fstat(&file)?;
        if kind(&stat) != SFlag::S_IFREG {
            return Err(Errno::EINVAL);
        }
        self.note(file, &stat)?.capability = Some(value);
        Ok(())
    }

    pub(super) fn remove_capability(&mut self, file: &OwnedFd) -> nix::Result<()> {
        let stat = fstat(file)?;
        let has = self
            .files
            .get(&key(&stat))
            .is_some_and(|note| note.capability.is_some());
        if !has {
            return Err(Errno::ENODATA);
        }
        self.change(file, |note| note.capability = None)
    }

    fn note(&mut self, file: OwnedFd, stat: &FileStat) -> nix::Result<&mut Note> {
        let key = key(stat);
        if self.files.len() >= MAX && !self.files.contains_key(&key) {
            self.files
                .retain(|_, note| fstat(&note.file).is_ok_and(|stat| stat.st_nlink > 0));
            if self.files.len() >= MAX {
                return Err(Errno::ENOSPC);
            }
        }
        Ok(self.files.entry(key).or_insert(Note {
            file,
            mode: None,
            capability: None,
        }))
    }

    fn change(&mut self, file: &OwnedFd, change: impl FnOnce(&mut Note)) -> nix::Result<()> {
        let key = key(&fstat(file)?);
        if let Some(note) = self.files.get_mut(&key) {
            change(note);
            if note.mode.is_none() && note.capability.is_none() {
                self.files.remove(&key);
            }
        }
        Ok(())
    }

    /// All recorded files, sorted by name.
    pub(super) fn list(&self) -> nix::Result<Vec<Noted>> {
        let mut list = Vec::new();
        for note in self.files.values() {
            let stat = fstat(&note.file)?;
            let name = PathBuf::from(format!("/proc/self/fd/{}", note.file.as_raw_fd()));
            let mut path = nix::fcntl::readlink(&name)?.into_vec();
            // The kernel adds this also if the file still has another name.
            let is_there =
                nix::sys::stat::lstat(path.as_slice()).is_ok_and(|it| key(&it) == key(&stat));
            if !is_there && path.ends_with(REMOVED) {
                path.truncate(path.len() - REMOVED.len());
            }
            list.push(Noted {
                path,
                is_removed: stat.st_nlink == 0,
                is_dir: kind(&stat) == SFlag::S_IFDIR,
                dev: stat.st_dev,
                ino: stat.st_ino,
                mode: note.mode,
                capability: note.capability.clone(),
            });
        }
        list.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(list)
    }
}
