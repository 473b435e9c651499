//! The future tree. Files are read when they are needed, and changed only in memory.
//!
//! All sections of one git patch refer to the tree before the patch: two files may swap names, and a copy has the old content
//! of the original. So the changes of sections are pending at first. They take effect at the start of the next patch, or when a
//! section refers to a file that another one made.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::rc::Rc;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat, readlinkat};
use nix::sys::stat::{Mode, SFlag, fstat, fstatat};

use crate::error::{Error, Result};
use crate::tree::names::shown;
use crate::tree::root::Root;
use crate::tree::steps::type_of;

/// A file or link.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) content: Rc<[u8]>,
    /// The permissions of a file. 0 for a link.
    pub(super) mode: u32,
    pub(super) link: bool,
}

#[derive(Clone, Debug)]
pub(super) enum Found {
    Nothing,
    Entry(Entry),
    /// A folder, device, FIFO or socket.
    Other(&'static str),
}

/// A name that was read or changed.
pub(super) struct Known {
    pub(super) found: Found,
    /// A file or link of this name is on the disk.
    pub(super) on_disk: bool,
    /// It differs from the disk.
    pub(super) changed: bool,
}

/// The change that this patch makes to a name.
struct Pending {
    entry: Option<Entry>,
    /// The patch creates it, so the name must be free.
    fresh: bool,
}

pub(super) struct State {
    pub(super) root: Root,
    pub(super) known: BTreeMap<Vec<u8>, Known>,
    pending: BTreeMap<Vec<u8>, Pending>,
}

impl State {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let root = Root::open(path, false).map_err(|errno| Error::os("patch", errno).at(path))?;
        Ok(Self {
            root,
            known: BTreeMap::new(),
            pending: BTreeMap::new(),
        })
    }

    /// The file of a name, as of the start of the patch.
    pub(super) fn find(&mut self, name: &[u8]) -> Result<Found> {
        if let Some(known) = self.known.get(name) {
            return Ok(known.found.clone());
        }
        let found = read(&mut self.root, name).map_err(|error| match error {
            Errno::ELOOP => refused(
                name,
                "a link leads there, and a patch must not follow links",
            ),
            errno => Error::os("patch", errno).at(shown(name)),
        })?;
        let known = Known {
            found: found.clone(),
            on_disk: matches!(found, Found::Entry(_)),
            changed: false,
        };
        self.known.insert(name.to_vec(), known);
        Ok(found)
    }

    /// A file or link that must exist.
    pub(super) fn need(&mut self, name: &[u8]) -> Result<Entry> {
        match self.find(name)? {
            Found::Entry(entry) => Ok(entry),
            Found::Nothing => {
                Err(Error::new("patch", "missing", "there is no such file").at(shown(name)))
            }
            Found::Other(what) => Err(refused(name, &format!("it is {what}, and no file"))),
        }
    }

    /// Whether an earlier section of this patch has made or changed the file.
    pub(super) fn is_written(&self, name: &[u8]) -> bool {
        self.pending
            .get(name)
            .is_some_and(|pending| pending.entry.is_some())
    }

    /// Whether this patch creates the file under a name that is not free yet.
    pub(super) fn is_displaced(&mut self, name: &[u8]) -> Result<bool> {
        let fresh = self.pending.get(name).is_some_and(|pending| pending.fresh);
        Ok(fresh && matches!(self.find(name)?, Found::Entry(_)))
    }

    pub(super) fn put(&mut self, name: &[u8], entry: Entry, fresh: bool) {
        // An earlier section of this patch may have removed the old file.
        let gone = self
            .pending
            .get(name)
            .is_some_and(|pending| pending.entry.is_none());
        let pending = Pending {
            entry: Some(entry),
            fresh: fresh && !gone,
        };
        self.pending.insert(name.to_vec(), pending);
    }

    pub(super) fn remove(&mut self, name: &[u8]) {
        match self.pending.get_mut(name) {
            // Another file has the name already, so only the old one is gone.
            Some(pending) if pending.fresh => pending.fresh = false,
            _ => {
                self.pending.insert(
                    name.to_vec(),
                    Pending {
                        entry: None,
                        fresh: false,
                    },
                );
            }
        }
    }

    /// Ends a patch: its changes take effect for the next one.
    pub(super) fn settle(&mut self) -> Result<()> {
        for (name, pending) in std::mem::take(&mut self.pending) {
            let found = self.find(&name)?;
            if pending.fresh && matches!(found, Found::Entry(_)) {
                return Err(Error::new(
                    "patch",
                    "exists",
                    "the patch creates it, but it exists already",
                )
                .at(shown(&name)));
            }
            if let Some(known) = self.known.get_mut(&name) {
                known.found = pending.entry.map_or(Found::Nothing, Found::Entry);
                known.changed = true;
            }
        }
        Ok(())
    }
}

pub(super) fn refused(name: &[u8], why: &str) -> Error {
    Error::new("patch", "refused", why).at(shown(name))
}

fn read(root: &mut Root, name: &[u8]) -> nix::Result<Found> {
    let (folder, last) = match root.parent(name, None) {
        Ok(found) => found,
        Err(Errno::ENOENT | Errno::ENOTDIR) => return Ok(Found::Nothing),
        Err(errno) => return Err(errno),
    };
    let stat = match fstatat(&folder, last, AtFlags::AT_SYMLINK_NOFOLLOW) {
        Ok(stat) => stat,
        Err(Errno::ENOENT) => return Ok(Found::Nothing),
        Err(errno) => return Err(errno),
    };
    let (content, mode, link) = match type_of(&stat) {
        SFlag::S_IFLNK => (readlinkat(&folder, last)?.as_bytes().to_vec(), 0, true),
        SFlag::S_IFREG => {
            let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
            let mut file = File::from(openat(&folder, last, flags, Mode::empty())?);
            if type_of(&fstat(&file)?) != SFlag::S_IFREG {
                return Err(Errno::ESTALE);
            }
            let mut content = Vec::new();
            let result = file.read_to_end(&mut content);
            result.map_err(|error| error.raw_os_error().map_or(Errno::EIO, Errno::from_raw))?;
            // The set-id bits are dropped, as the kernel does when a file is written to.
            (content, stat.st_mode & 0o1777, false)
        }
        SFlag::S_IFDIR => return Ok(Found::Other("a folder")),
        _ => return Ok(Found::Other("a device, FIFO or socket")),
    };
    Ok(Found::Entry(Entry {
        content: content.into(),
        mode,
        link,
    }))
}
