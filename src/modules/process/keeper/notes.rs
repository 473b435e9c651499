//! The recorded modes with set-id bits, and capabilities. Each file is kept open: so its name is known after a rename, and its
//! inode number is not used again.

use std::collections::HashMap;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use nix::errno::Errno;
use nix::libc;
use nix::sys::stat::{FileStat, SFlag, fstat};

use super::filter::SET_ID;

/// The most files that can be recorded. Each needs a descriptor.
const MAX: usize = 512;

#[derive(Default)]
pub(super) struct Notes(HashMap<(u64, u64), Note>);

struct Note {
    file: OwnedFd,
    mode: Option<u32>,
    capability: Option<Vec<u8>>,
}

/// The recorded attributes of one file.
pub(super) struct Noted {
    pub(super) path: Vec<u8>,
    pub(super) is_dir: bool,
    pub(super) dev: u64,
    pub(super) ino: u64,
    pub(super) mode: Option<u32>,
    pub(super) capability: Option<Vec<u8>>,
}

fn key(stat: &FileStat) -> (u64, u64) {
    (stat.st_dev, stat.st_ino)
}

fn kind(stat: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(stat.st_mode & SFlag::S_IFMT.bits())
}

impl Notes {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
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
            .0
            .get(&key(&stat))
            .is_some_and(|note| note.capability.is_some());
        if !has {
            return Err(Errno::ENODATA);
        }
        self.change(file, |note| note.capability = None)
    }

    fn note(&mut self, file: OwnedFd, stat: &FileStat) -> nix::Result<&mut Note> {
        let key = key(stat);
        if self.0.len() >= MAX && !self.0.contains_key(&key) {
            self.0
                .retain(|_, note| fstat(&note.file).is_ok_and(|stat| stat.st_nlink > 0));
            if self.0.len() >= MAX {
                return Err(Errno::ENOSPC);
            }
        }
        Ok(self.0.entry(key).or_insert(Note {
            file,
            mode: None,
            capability: None,
        }))
    }

    fn change(&mut self, file: &OwnedFd, change: impl FnOnce(&mut Note)) -> nix::Result<()> {
        let key = key(&fstat(file)?);
        if let Some(note) = self.0.get_mut(&key) {
            change(note);
            if note.mode.is_none() && note.capability.is_none() {
                self.0.remove(&key);
            }
        }
        Ok(())
    }

    /// All recorded files that still exist, sorted by name.
    pub(super) fn list(&self) -> nix::Result<Vec<Noted>> {
        let mut list = Vec::new();
        for note in self.0.values() {
            let stat = fstat(&note.file)?;
            if stat.st_nlink == 0 {
                continue;
            }
            let name = PathBuf::from(format!("/proc/self/fd/{}", note.file.as_raw_fd()));
            let path = nix::fcntl::readlink(&name)?;
            list.push(Noted {
                path: path.into_vec(),
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
